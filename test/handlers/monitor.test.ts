import type { SessionEvent } from 'autonomous-orchestration';
import { createAutonomousHandlers, type MonitorEvent, type MonitoredEvent } from 'autonomous-orchestration/handlers';
import { type SimulatedScript, type SimulatedStep, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { monitorEvent } from '../../src/handlers/monitor-event.js';
import { guardRequest, runningSession } from '../support/sessions.js';
import { ASK_TO_PUSH, DONE, ENDLESS, nextEvent, PUSHES, simulate } from '../support/simulate.js';

/** A manager, and what a monitor of the task `mine` reports of it. */
function monitored(script: SimulatedScript, options: Parameters<typeof simulate>[1] = {}) {
  const { manager } = simulate(script, options);
  const { createAutonomousMonitor } = createAutonomousHandlers(manager);
  const told: MonitorEvent[] = [];
  createAutonomousMonitor('mine', (event) => told.push(event));
  told.length = 0; // There is no such session yet.
  const all = () => told.map(({ event }) => event);
  return { manager, createAutonomousMonitor, told, all };
}

describe('what a monitor reports', () => {
  it('a monitor reports start, tool call, question, answer and end, with input, time and ids', async () => {
    const { manager, told, all } = monitored(PUSHES, { policy: ASK_TO_PUSH });
    const asked = nextEvent(manager, 'session:approval');
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    const { request } = await asked;
    await manager.approve(id, request.requestId, 'Go on.');
    await manager.waitFor(id);
    const call = { tool: 'Bash', toolUseId: request.toolUseId };
    const input = { command: 'git push' };
    const question = { type: 'approval', ...call, input, requestId: request.requestId };
    // A call is logged before or after it is decided about. Their order among each other is not defined.
    const ofType = (...types: string[]) => all().filter((event) => types.includes(event?.type ?? ''));
    expect(ofType('created', 'started', 'approval', 'result')).toEqual([
      { type: 'created' },
      { type: 'started', run: 1 },
      { ...question, state: 'asked', deadline: request.deadline },
      { ...question, state: 'approved', by: 'person', content: 'Go on.' },
      { type: 'result', status: 'completed', content: 'Done.' },
    ]);
    expect(ofType('tool_use', 'tool_result')).toEqual([
      { type: 'tool_use', ...call, input },
      { type: 'tool_result', ...call, outcome: 'ok', content: 'pushed' },
    ]);
    for (const event of told)
      expect(event).toMatchObject({ type: 'autonomous-event', taskId: 'mine', sessionId: id, at: expect.any(Number) });
  });

  it('a monitor reports a danger and its denial with the input and the reason', async () => {
    const { manager, all } = monitored(() =>
      scriptedRun([{ tool: 'Bash', input: { command: 'git push --force' }, output: 'pushed' }]),
    );
    await manager.waitFor((await manager.create({ prompt: 'x', taskId: 'mine' })).id);
    const danger = { level: 'critical', rule: 'git.push-force', reason: expect.any(String) };
    const input = { command: 'git push --force' };
    expect(all()).toContainEqual(
      expect.objectContaining({
        type: 'denied',
        tool: 'Bash',
        input,
        by: 'policy',
        content: expect.any(String),
        danger,
      }),
    );
    expect(all()).toContainEqual(
      expect.objectContaining({ type: 'danger', tool: 'Bash', danger, content: expect.stringContaining('push') }),
    );
  });

  it('a monitor reports queue, pause, resumption, feedback and cancellation', async () => {
    const { manager, all } = monitored(ENDLESS, { maxConcurrent: 1 });
    const { id: other } = await manager.create({ prompt: 'x' });
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    await manager.cancel(other);
    await manager.waitFor(id, { status: 'running' });
    await manager.pause(id);
    await manager.resume(id);
    await manager.cancel(id, 'Enough.');
    await manager.continue(id, 'Once more.');
    expect(all().filter((event) => event?.type !== 'assistant')).toEqual([
      { type: 'created' },
      { type: 'queued', position: 1 },
      { type: 'started', run: 1 },
      { type: 'paused' },
      { type: 'resumed' },
      expect.objectContaining({ type: 'result', status: 'cancelled', error: 'Enough.' }),
      { type: 'continued', content: 'Once more.' },
    ]);
  });

  it('a monitor cuts and marks a long tool input', async () => {
    const input = { command: `echo ${'x'.repeat(100_000)}` };
    const { manager, all } = monitored(() => scriptedRun([{ tool: 'Bash', input, output: '' }]));
    await manager.waitFor((await manager.create({ prompt: 'x', taskId: 'mine' })).id);
    const used = all().find((event) => event?.type === 'tool_use');
    expect(used).toMatchObject({ cut: true, input: { command: expect.stringMatching(/^echo x+…$/) } });
    expect(JSON.stringify(used).length).toBeLessThan(3_000);
  });

  it('a monitor reports prompts of a person, waits, and the end of a wait', async () => {
    const { manager, all } = monitored(({ hooks }) => ({ steps: turns(hooks) }));
    async function* turns({ afterTurn, beforeTurn }: Parameters<SimulatedScript>[0]['hooks']) {
      const [init, ...rest] = scriptedRun([{ text: 'Done.' }]).steps as Iterable<SimulatedStep>;
      if (init) yield init;
      await afterTurn();
      await beforeTurn();
      yield* rest;
    }
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine', mode: 'interactive' });
    await manager.waitFor(id);
    expect(all()).toEqual([
      { type: 'created' },
      { type: 'started', run: 1 },
      { type: 'waiting', content: 'person' },
      { type: 'working' },
      { type: 'assistant', content: 'Done.' },
      { type: 'result', status: 'completed', content: 'Done.' },
    ]);
  });

  const session = runningSession();
  const base = { sessionId: session.id, at: 1, session };
  const request = guardRequest('r', { danger: { level: 'warning', rule: 'a.b', reason: 'Why.' } });
  const { toolUseId, tool, input, danger } = request;
  const call = { toolUseId, tool, input, ...(danger && { danger }) };
  const reports: [SessionEvent, MonitoredEvent | undefined][] = [
    [
      {
        type: 'queue:changed',
        sessionId: 's',
        at: 1,
        queue: { running: 0, maxConcurrent: 3, queued: 0, maxQueued: 10, items: [] },
      },
      undefined,
    ],
    [{ type: 'session:recovered', ...base }, { type: 'recovered' }],
    [
      { type: 'session:approval', ...base, state: 'asked', request },
      { type: 'approval', state: 'asked', requestId: 'r', ...call, content: 'Why.', deadline: 600_005 },
    ],
    [
      { type: 'session:approval', ...base, state: 'denied', request, by: 'timeout' },
      { type: 'approval', state: 'denied', requestId: 'r', ...call, by: 'timeout' },
    ],
    [
      { type: 'session:denied', ...base, denial: { ...call, reason: 'No.', by: 'person' } },
      { type: 'denied', ...call, content: 'No.', by: 'person' },
    ],
    [
      { type: 'session:paused', ...base, resumeAt: 9 },
      { type: 'paused', resumeAt: 9 },
    ],
    [
      { type: 'session:prompt', ...base, text: 'Go on' },
      { type: 'user', content: 'Go on' },
    ],
    [
      { type: 'session:steered', ...base, message: 'Faster.' },
      { type: 'steered', content: 'Faster.' },
    ],
    [
      { type: 'session:tool-result', ...base, toolUseId, outcome: 'error', output: 'No.' },
      { type: 'tool_result', toolUseId, outcome: 'error', content: 'No.' },
    ],
  ];
  it.each(reports.map(([event, report]) => [event.type, event, report] as const))(
    'monitorEvent() turns an event into its report: %s',
    (_, event, report) => {
      expect(monitorEvent(event)).toEqual(report);
    },
  );
});

describe('which session a monitor watches', () => {
  it('a monitor watches a session by its task id before creation and by its own id', async () => {
    const { manager, createAutonomousMonitor, told } = monitored(DONE);
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    const byId = vi.fn();
    createAutonomousMonitor(id, byId);
    await manager.waitFor(id);
    const end = { sessionId: id, event: { type: 'result', status: 'completed', content: 'Done.' } };
    expect(told.at(-1)).toMatchObject({ taskId: 'mine', ...end });
    expect(byId).toHaveBeenLastCalledWith(expect.objectContaining({ taskId: id, ...end }));
  });

  it('a monitor reports only its own session, and why that session failed', async () => {
    const { manager, told, all } = monitored(() => scriptedRun([{ text: 'No.' }], { exitCode: 3 }));
    const { id: other } = await manager.create({ prompt: 'x', taskId: 'other' });
    await manager.waitFor(other);
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    await manager.continue(other, 'again');
    await Promise.all([manager.waitFor(id), manager.waitFor(other)]);
    expect(new Set(told.map(({ sessionId }) => sessionId))).toEqual(new Set([id]));
    expect(all().at(-1)).toEqual({
      type: 'result',
      status: 'failed',
      content: 'No.',
      error: expect.stringContaining('exit code 3'),
    });
  });

  it('a monitor of a task id goes over to a newer session with this task id', async () => {
    const { manager, told } = monitored(ENDLESS);
    const first = await manager.create({ prompt: 'x', taskId: 'mine' });
    const second = await manager.create({ prompt: 'x', taskId: 'mine' });
    told.length = 0;
    await manager.cancel(first.id);
    await manager.cancel(second.id);
    expect(new Set(told.map(({ sessionId }) => sessionId))).toEqual(new Set([second.id]));
  });
});

describe('several monitors of one task', () => {
  it('each monitor gets all events, and ends only by its own cleanup function', async () => {
    const { manager, createAutonomousMonitor } = monitored(DONE);
    const before = manager.listenerCount('event');
    const [first, second] = [vi.fn(), vi.fn()];
    const endFirst = createAutonomousMonitor('mine', first);
    const endSecond = createAutonomousMonitor('mine', second);
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    await manager.waitFor(id);
    const result = expect.objectContaining({ event: expect.objectContaining({ type: 'result' }) });
    expect(first).toHaveBeenLastCalledWith(result);
    expect(second.mock.calls).toEqual(first.mock.calls);

    endFirst();
    endFirst();
    for (const listener of [first, second]) listener.mockClear();
    await manager.continue(id, 'again');
    await manager.waitFor(id);
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenLastCalledWith(result);
    endSecond();
    expect(manager.listenerCount('event')).toBe(before);
  });

  it('one function in two monitors is called twice, and once after one of the monitors has ended', async () => {
    const { manager, createAutonomousMonitor } = monitored(ENDLESS);
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    await manager.waitFor(id, { status: 'running' });
    const told = vi.fn();
    const paused = () => told.mock.calls.filter(([{ event }]) => event.type === 'paused').length;
    const end = createAutonomousMonitor('mine', told);
    createAutonomousMonitor('mine', told);
    await manager.pause(id);
    expect(paused()).toBe(2);
    await manager.resume(id);
    end();
    await manager.pause(id);
    expect(paused()).toBe(3);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('a monitor whose function %s is reported and does not affect the others', async (_, broken) => {
    const { manager, createAutonomousMonitor, all } = monitored(DONE);
    const failures: unknown[] = [];
    manager.on('listener-error', ({ error }) => failures.push(error));
    const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
    createAutonomousMonitor('mine', broken);
    await manager.waitFor(id);
    expect(all().at(-1)).toMatchObject({ type: 'result' });
    await expect.poll(() => failures).toEqual([new Error('broken')]);
  });
});
