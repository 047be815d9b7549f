import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MonitorError, type MonitorEvent, type MonitoredSession, StreamMonitor } from 'autonomous-orchestration';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { terminalConversation } from '../../../../src/core/orchestration/session/terminal-conversation.js';
import { tempFolder } from '../../../support/temp-folder.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/logs/${name}.jsonl`, import.meta.url), 'utf8');
const text = (said: string): string =>
  `${JSON.stringify({ type: 'assistant', message: { id: said, content: [{ type: 'text', text: said }] } })}\n`;
const bash = (command: string): string =>
  `${JSON.stringify({ type: 'assistant', message: { content: [{ type: 'tool_use', id: 't', name: 'Bash', input: { command } }] } })}\n`;
const result = (costUsd: number): string =>
  `${JSON.stringify({ type: 'result', subtype: 'success', is_error: false, result: 'Done.', num_turns: 1, total_cost_usd: costUsd })}\n`;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Scene {
  monitor: StreamMonitor;
  events: MonitorEvent[];
  errors: MonitorError[];
  cleanup: () => void;
}

function monitored(session: MonitoredSession): Scene {
  const monitor = new StreamMonitor();
  const events: MonitorEvent[] = [];
  const errors: MonitorError[] = [];
  monitor.on('event', (event) => events.push(event));
  monitor.on('monitor-error', (failure) => errors.push(failure));
  const cleanup = monitor.monitorSession(session);
  cleanups.push(cleanup);
  return { monitor, events, errors, cleanup };
}

function logOf(content: string): string {
  const logFile = join(tempFolder(), 'stream.log');
  writeFileSync(logFile, content);
  return logFile;
}

const types = (events: readonly MonitorEvent[]): string[] => [...new Set(events.map(({ type }) => type))].sort();

describe('monitorSession()', () => {
  it('reports messages, tools with their input, results and cost of a recorded log', async () => {
    const { events } = monitored({ id: 'one', logFile: logOf(fixture('two-turns')) });
    await expect.poll(() => events.at(-1)?.type).toBe('session:result');

    expect(types(events)).toEqual([
      'session:message',
      'session:result',
      'session:tool',
      'session:tool-result',
      'session:usage',
    ]);
    const tool = events.find((event) => event.type === 'session:tool');
    expect(tool).toMatchObject({
      sessionId: 'one',
      at: expect.any(Number),
      tool: { name: expect.any(String), input: expect.any(Object) },
    });
    const outcome = events.find((event) => event.type === 'session:tool-result');
    expect(outcome).toMatchObject({ name: tool?.tool.name, toolUseId: tool?.tool.id, outcome: 'ok' });
    const last = events.at(-1);
    expect(last).toMatchObject({
      type: 'session:result',
      result: { subtype: 'success', isError: false, text: expect.any(String), costUsd: expect.any(Number) },
      metadata: { messages: expect.any(Number), lastMessage: expect.any(String), toolCounts: expect.any(Object) },
    });
    const usage = events.findLast((event) => event.type === 'session:usage');
    expect(usage?.costUsd).toBe(last?.metadata.costUsd);
    expect(usage?.tokens?.output).toBeGreaterThan(0);
  });

  it('reports a failed tool as an error with its severity', async () => {
    const { events } = monitored({ id: 'one', logFile: logOf(fixture('tool-error')) });
    await expect.poll(() => events.at(-1)?.type).toBe('session:result');
    expect(events.find((event) => event.type === 'session:error')).toMatchObject({
      error: { severity: 'warning', code: expect.any(String), message: expect.any(String) },
    });
    expect(events.at(-1)?.metadata.errorCounts.warning).toBeGreaterThan(0);
  });

  it('rates tool calls: in a container what can be undone is a warning, on the machine it is critical', async () => {
    const environment = { dockerImage: '', cwd: '/work' };
    const log = bash('git branch -D feature');
    const inContainer = monitored({ id: 'one', logFile: logOf(log), environment: { ...environment, docker: true } });
    const onMachine = monitored({ id: 'two', logFile: logOf(log), environment: { ...environment, docker: false } });
    const unknown = monitored({ id: 'three', logFile: logOf(log) });
    const levelOf = ({ events }: Scene): string | undefined =>
      events.find((event) => event.type === 'session:danger')?.danger.level;
    await expect.poll(() => [inContainer, onMachine, unknown].map(levelOf)).toEqual(['warning', 'critical', 'warning']);
    expect(inContainer.events[0]).toMatchObject({
      type: 'session:tool',
      tool: { danger: { level: 'warning' } },
    });
  });

  it('reports a line as soon as it is appended, under its own name and as event', async () => {
    const logFile = logOf('');
    const { monitor, events } = monitored({ id: 'one', logFile });
    const named: string[] = [];
    monitor.on('session:message', (event) => named.push(event.text));
    appendFileSync(logFile, text('first'));
    await expect.poll(() => named).toEqual(['first']);
    appendFileSync(logFile, text('second'));
    await expect.poll(() => named).toEqual(['first', 'second']);
    expect(events.filter(({ type }) => type === 'session:message')).toHaveLength(2);
  });

  it('marks what was in the log before as replayed, and what comes later not', async () => {
    const logFile = logOf(text('before'));
    const { events } = monitored({ id: 'one', logFile });
    await expect.poll(() => events.length).toBe(1);
    expect(events[0]).toMatchObject({ replayed: true });
    // The monitor may report the first line a moment before it knows that there is no other.
    await expect
      .poll(() => {
        appendFileSync(logFile, text('later'));
        return events.at(-1)?.replayed;
      })
      .toBeUndefined();
  });

  it('adds the cost of further runs in the same log to the cost of the first', async () => {
    const { events } = monitored({
      id: 'one',
      logFile: logOf(text('a') + result(0.25) + text('b') + result(0.5)),
    });
    await expect.poll(() => events.filter(({ type }) => type === 'session:result')).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ result: { costUsd: 0.5 }, metadata: { costUsd: 0.75, turns: 2 } });
  });

  it('reads the log of an interactive session, which is a copy of its transcript', async () => {
    const sessionId = terminalConversation('one');
    const line = { sessionId, version: '2.1.98' };
    const log = [
      { ...line, type: 'user', message: { role: 'user', content: 'Hello?' } },
      { ...line, type: 'assistant', message: { id: 'm', content: [{ type: 'text', text: 'Hello.' }] } },
    ];
    const logFile = logOf(log.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const { events } = monitored({ id: 'one', mode: 'interactive', logFile });
    await expect.poll(() => events.map(({ type }) => type)).toEqual(['session:prompt', 'session:message']);
  });

  it('one monitor watches several sessions, and each event names its session', async () => {
    const [one, two] = [logOf(text('a')), logOf(text('b'))];
    const { monitor, events } = monitored({ id: 'one', logFile: one });
    cleanups.push(monitor.monitorSession({ id: 'two', logFile: two }));
    await expect.poll(() => events.map(({ sessionId }) => sessionId).sort()).toEqual(['one', 'two']);
    expect(events.every(({ metadata }) => metadata.messages === 1)).toBe(true);
  });
});

describe('a log that is missing at first', () => {
  it('is reported from its first line as soon as it is there', async () => {
    const logFile = join(tempFolder(), 'stream.log');
    const { events, errors } = monitored({ id: 'one', logFile });
    writeFileSync(logFile, text('first'));
    await expect.poll(() => events).toHaveLength(1);
    expect(events[0]).not.toHaveProperty('replayed');
    expect(errors).toEqual([]);
  });

  it('is reported even if its folder is missing, too', async () => {
    const folder = join(tempFolder(), 'sessions', 'one');
    const logFile = join(folder, 'stream.log');
    const { events } = monitored({ id: 'one', logFile });
    mkdirSync(folder, { recursive: true });
    writeFileSync(logFile, text('first'));
    await expect.poll(() => events).toHaveLength(1);
  });
});

describe('the cleanup function', () => {
  it('stops at once: no later line is reported, and nothing keeps watching', async () => {
    const logFile = logOf(text('first'));
    const { events, cleanup } = monitored({ id: 'one', logFile });
    await expect.poll(() => events).toHaveLength(1);
    const before = watchers();
    cleanup();
    cleanup();
    await expect.poll(watchers).toBe(before - 1);
    appendFileSync(logFile, text('second'));
    const witness = monitored({ id: 'two', logFile });
    await expect.poll(() => witness.events).toHaveLength(2);
    expect(events).toHaveLength(1);
  });

  it('stops in the middle of a line if a listener calls it', async () => {
    const block = (id: string): object => ({ type: 'tool_use', id, name: 'Read', input: {} });
    const line = { type: 'assistant', message: { content: [block('a'), block('b')] } };
    const logFile = logOf('');
    const monitor = new StreamMonitor();
    const seen: string[] = [];
    const cleanup = monitor.monitorSession({ id: 'one', logFile });
    cleanups.push(cleanup);
    monitor.on('session:tool', ({ tool }) => {
      seen.push(tool.id);
      cleanup();
    });
    appendFileSync(logFile, `${JSON.stringify(line)}\n`);
    await expect.poll(() => seen).toEqual(['a']);
  });

  it('also stops the wait for a missing log', async () => {
    const folder = tempFolder();
    const logFile = join(folder, 'stream.log');
    const before = watchers();
    const { events, cleanup } = monitored({ id: 'one', logFile });
    await expect.poll(watchers).toBe(before + 1);
    cleanup();
    await expect.poll(watchers).toBe(before);
    writeFileSync(logFile, text('first'));
    const witness = monitored({ id: 'two', logFile });
    await expect.poll(() => witness.events).toHaveLength(1);
    expect(events).toEqual([]);
  });
});

describe('a given or mocked ChannelCoder', () => {
  it('its monitorLog() reports the events in place of the log, and cleanup calls the function that it returned', async () => {
    const stop = vi.fn();
    let report = (_event: object): void => {};
    const monitorLog = vi.fn((_logFile: string, onEvent: (event: object) => void) => {
      report = onEvent;
      return stop;
    });
    const monitor = new StreamMonitor({ channelCoder: { monitorLog } });
    const events: MonitorEvent[] = [];
    monitor.on('event', (event) => events.push(event));
    const cleanup = monitor.monitorSession({ id: 'one', logFile: '/nonexistent/stream.log' });
    await expect.poll(() => monitorLog.mock.calls.map(([logFile]) => logFile)).toEqual(['/nonexistent/stream.log']);
    report(JSON.parse(bash('git branch -D feature')));
    report({ type: 'result', result: 'Done.' });
    expect(events.map(({ type }) => type)).toEqual(['session:tool', 'session:danger', 'session:result']);
    expect(events[0]).not.toHaveProperty('replayed');
    await Promise.resolve();
    cleanup();
    await expect.poll(() => stop.mock.calls).toHaveLength(1);
    report(JSON.parse(text('late')));
    expect(events).toHaveLength(3);
  });

  it('a monitorLog() that throws is reported as monitor-error', async () => {
    const monitorLog = (): never => {
      throw new Error('no file');
    };
    const monitor = new StreamMonitor({ channelCoder: { monitorLog } });
    const errors: MonitorError[] = [];
    monitor.on('monitor-error', (failure) => errors.push(failure));
    monitor.monitorSession({ id: 'one', logFile: '/nonexistent/stream.log' });
    await expect.poll(() => errors).toMatchObject([{ sessionId: 'one', error: { message: 'no file' } }]);
  });
});

describe('a log that cannot be read', () => {
  it('a link is not followed: it is reported as monitor-error, once, and nothing of it is read', async () => {
    const folder = tempFolder();
    const logFile = join(folder, 'stream.log');
    writeFileSync(join(folder, 'secret'), text('secret'));
    symlinkSync(join(folder, 'secret'), logFile);
    const { events, errors } = monitored({ id: 'one', logFile });
    await expect.poll(() => errors).toMatchObject([{ sessionId: 'one', logFile, error: { code: 'ELOOP' } }]);
    expect(events).toEqual([]);
  });

  it('a log that appears as a link is reported as monitor-error', async () => {
    const folder = tempFolder();
    const logFile = join(folder, 'stream.log');
    const { errors } = monitored({ id: 'one', logFile });
    symlinkSync('/etc/passwd', logFile);
    await expect.poll(() => errors).toMatchObject([{ error: { code: 'ELOOP' } }]);
  });

  it('without a listener for monitor-error, the process gets a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const folder = tempFolder();
    cleanups.push(new StreamMonitor().monitorSession({ id: 'one', logFile: folder }));
    await expect
      .poll(() => warned.mock.calls)
      .toEqual([[expect.stringContaining('The log of session "one" cannot be read'), 'MonitorError']]);
    warned.mockRestore();
  });

  it.each([[{ id: 'one' }], [{ logFile: '/x' }], [undefined]])(
    'a session without id or logFile is refused: %j',
    (session) => {
      expect(() => new StreamMonitor().monitorSession(session as MonitoredSession)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTIONS' }),
      );
    },
  );

  it('a listener that throws is reported as listener-error, and the others get the event', async () => {
    const logFile = logOf(text('first'));
    const { monitor, events } = monitored({ id: 'one', logFile });
    const failures: unknown[] = [];
    monitor.on('listener-error', ({ event }) => failures.push(event));
    monitor.on('session:message', () => {
      throw new Error('mine');
    });
    await expect.poll(() => [failures, events.length]).toEqual([['session:message'], 1]);
  });
});

/** How many folders this process watches. */
function watchers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
}
