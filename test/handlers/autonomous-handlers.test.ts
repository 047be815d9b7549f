import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunHandle, SessionStatus } from 'autonomous-orchestration';
import {
  type AutonomousHandlers,
  createAutonomousHandlers,
  type MonitorEvent,
} from 'autonomous-orchestration/handlers';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { appOn, SESSIONS } from '../support/http-app.js';
import { ASK_TO_PUSH, DONE, ENDLESS, nextEvent, PUSHES, simulate } from '../support/simulate.js';

/** The answers in the contract with the older page: every field that the page reads, with its type. */
const contract = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/old-handlers.json'), 'utf8'));

/** A session that says, does, fails and costs something. */
const WORK: SimulatedScript = () =>
  scriptedRun([
    { text: 'I run the tests.' },
    { tool: 'Bash', input: { command: 'npm test' }, output: 'Exit code 1\n1 failed', isError: true },
    { tool: 'Edit', input: { file_path: 'a.ts' }, output: 'edited' },
    { text: 'The tests pass.' },
  ]);

/** Plays sessions in a process that has a pid. */
class WithPid extends SimulatedExecutor {
  override async launch(...args: Parameters<SimulatedExecutor['launch']>): Promise<RunHandle> {
    return { ...(await super.launch(...args)), process: { pid: 48213, startedAt: '' } };
  }
}

/** The same value, but what differs between machines and days is replaced by its format. */
function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => comparable(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, comparable(inner, name)]));
  if (typeof value !== 'string') return value;
  if (key === 'logFile') return value.startsWith('/') ? '<path>' : value;
  if (key === 'sessionName') return value.replace(/-\d{13}$/, '-<time>');
  return value.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, '<time>');
}

/** One session that runs and has said nothing yet, and one that has done everything in the contract. */
async function workDone() {
  // Lines that are read at once would have the same time, and their order would be undefined.
  let now = Date.now();
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => ++now);
  onTestFinished(() => clock.mockRestore());
  const silent: SimulatedScript = () => scriptedRun([{ text: 'never', afterMs: 60_000 }]);
  const executor = new WithPid((request) =>
    (request.spec.prompt as { text: string }).text === 'wait' ? silent(request) : WORK(request),
  );
  const { manager } = simulate(DONE, { executors: { autonomous: executor } });
  const handlers = createAutonomousHandlers(manager);
  const monitored: MonitorEvent[] = [];
  handlers.createAutonomousMonitor('nobody', (event) => monitored.push(event));

  const { id: waiting } = await manager.create({ prompt: 'wait', taskId: 'release' });
  await manager.waitFor(waiting, { status: 'running' });
  const { id } = await manager.create({ prompt: 'work', taskId: 'fix-tests', parentId: 'release' });
  handlers.createAutonomousMonitor('fix-tests', (event) => monitored.push(event));
  await manager.waitFor(id);
  return { manager, handlers, monitored };
}

interface Old {
  list(): Promise<unknown>;
  get(taskId: string): Promise<unknown>;
  logs(limit?: number): Promise<unknown>;
}

/** The two ways to get the old answers. */
const WAYS: [string, (sources: Awaited<ReturnType<typeof workDone>>) => Old][] = [
  [
    'the handlers',
    ({ handlers }) => ({
      list: () => handlers.handleAutonomousList(),
      get: (taskId) => handlers.handleAutonomousGet(taskId),
      logs: (limit) => handlers.handleAutonomousLogs(limit),
    }),
  ],
  [
    'HTTP',
    ({ manager }) => {
      const { get } = appOn(manager);
      return {
        list: async () => (await get(SESSIONS)).json,
        get: async (taskId) => (await get(`${SESSIONS}/${taskId}`)).json,
        logs: async (limit) => (await get(`${SESSIONS}/logs${limit === undefined ? '' : `?limit=${limit}`}`)).json,
      };
    },
  ],
];

describe.each(WAYS)('the answers that old pages read, through %s', (_, wayOf) => {
  it('the answers have every field of the contract, with its type, format and value', async () => {
    const old = wayOf(await workDone());
    expect(comparable(await old.list())).toMatchObject(comparable(contract.list) as object);
    expect(comparable(await old.get('fix-tests'))).toMatchObject(comparable(contract.details) as object);
    expect(comparable(await old.logs())).toEqual(comparable(contract.logs));
    expect(await old.get('nobody')).toMatchObject(contract.unknown);
  });

  it('the answer with log entries has only the latest ones if a limit is given', async () => {
    const old = wayOf(await workDone());
    const { data } = contract.logs;
    expect(comparable(await old.logs(2))).toEqual(comparable({ success: true, data: data.slice(0, 2) }));
  });
});

describe('the status that old pages read', () => {
  it.each<[keyof typeof contract.statuses, SimulatedScript, SessionStatus]>([
    ['running', ENDLESS, 'running'],
    ['waiting_feedback', PUSHES, 'waiting_feedback'],
    ['completed', DONE, 'completed'],
    ['error', () => scriptedRun([{ text: 'No.' }], { exitCode: 1 }), 'failed'],
  ])('old pages read the status %s', async (status, script, state) => {
    const { manager } = simulate(script, { policy: ASK_TO_PUSH });
    const { id } = await manager.create({ prompt: 'x', taskId: 'fix-tests' });
    await manager.waitFor(id, { status: state });
    const expected = { success: true, data: contract.statuses[status] };
    expect(await createAutonomousHandlers(manager).handleAutonomousGet('fix-tests')).toMatchObject(expected);
    expect((await appOn(manager).get(`${SESSIONS}/fix-tests`)).json).toMatchObject(expected);
  });
});

describe('a queued session, as old pages read it', () => {
  it('a queued session has its place in the queue as its last output and last line, until it starts', async () => {
    const { manager } = simulate(ENDLESS, { maxConcurrent: 1 });
    const handlers = createAutonomousHandlers(manager);
    const said = nextEvent(manager, 'session:message');
    const { id: first } = await manager.create({ prompt: 'x', taskId: 'first' });
    await said;
    const { id } = await manager.create({ prompt: 'x', taskId: 'second' });
    const note = 'Queued: waits for a slot, at place 1 of the queue.';
    const queued = { taskId: 'second', state: 'queued', queuePosition: 1, stats: { lastOutput: note } };
    const runs = { taskId: 'first', state: 'running', stats: { lastOutput: 'Waiting.' } };
    expect(await handlers.handleAutonomousList()).toMatchObject({ data: [queued, runs] });
    expect((await appOn(manager).get(SESSIONS)).json).toMatchObject({ data: [queued, runs] });
    expect(await handlers.handleAutonomousGet('second')).toMatchObject({ data: { ...queued, lastLogLines: [note] } });
    const next = nextEvent(manager, 'session:message');
    await manager.cancel(first);
    await next;
    expect(await handlers.handleAutonomousGet(id)).toMatchObject({
      data: { state: 'running', stats: { lastOutput: 'Waiting.' }, lastLogLines: ['Waiting.'] },
    });
  });
});

describe('the monitor that old pages read', () => {
  it('createAutonomousMonitor() reports the events of the contract in their order, in the words of stream-json', async () => {
    const { monitored } = await workDone();
    const contracted: MonitorEvent[] = [...contract.monitorOfUnknown, ...contract.monitor];
    const types = new Set(contracted.map(({ event }) => event?.type));
    expect(monitored.filter(({ event }) => types.has(event?.type))).toMatchObject(contracted);
  });
});

describe('createAutonomousHandlers', () => {
  it('a task id means its latest session, and a session id means that session', async () => {
    const { manager } = simulate(DONE);
    const handlers = createAutonomousHandlers(manager);
    const { id: first } = await manager.create({ prompt: 'x', taskId: 'same' });
    const { id: second } = await manager.create({ prompt: 'x', taskId: 'same' });
    expect(await handlers.handleAutonomousGet('same')).toMatchObject({ data: { id: second, taskId: 'same' } });
    expect(await handlers.handleAutonomousGet(first)).toMatchObject({ data: { id: first, taskId: 'same' } });
  });

  it('the handlers create, pause, resume, cancel and continue a session and answer with its state', async () => {
    const { manager } = simulate(ENDLESS);
    const handlers = createAutonomousHandlers(manager);
    expect(await handlers.handleAutonomousCreate({ prompt: 'x', taskId: 'a' })).toMatchObject({
      data: { taskId: 'a' },
    });
    const [{ id = '' } = {}] = manager.list();
    await manager.waitFor(id, { status: 'running' });
    const states = [
      await handlers.handleAutonomousPause('a'),
      await handlers.handleAutonomousResume('a'),
      await handlers.handleAutonomousCancel('a', 'enough'),
    ];
    expect(states).toMatchObject(
      ['paused', 'running', 'cancelled'].map((state) => ({ success: true, data: { state } })),
    );
    expect(manager.get(id)?.result?.error).toBe('enough');
    expect(await handlers.handleAutonomousContinue('a', 'go on')).toMatchObject({
      data: { runs: [{}, { feedback: 'go on' }] },
    });
    expect(await handlers.handleAutonomousQueue()).toEqual({ success: true, data: manager.queueStatus() });
  });

  it('handleAutonomousRemove() forgets a session and answers with its last state', async () => {
    const { manager } = simulate(DONE);
    const handlers = createAutonomousHandlers(manager);
    const { id } = await manager.create({ prompt: 'x', taskId: 'a' });
    await manager.waitFor(id);
    const remove = vi.spyOn(manager, 'remove');
    expect(await handlers.handleAutonomousRemove('a')).toMatchObject({ success: true, data: { id, taskId: 'a' } });
    expect(remove).toHaveBeenCalledWith(id, { force: false });
    expect(await handlers.handleAutonomousGet('a')).toMatchObject({ code: 'SESSION_NOT_FOUND' });
    const { id: other } = await manager.create({ prompt: 'x' });
    await manager.waitFor(other);
    await handlers.handleAutonomousRemove(other, true);
    expect(remove).toHaveBeenCalledWith(other, { force: true });
  });

  it('a monitor is told when the last session that it could mean is removed', async () => {
    const { manager } = simulate(DONE);
    const handlers = createAutonomousHandlers(manager);
    const told: MonitorEvent[] = [];
    const [first, second] = [
      await manager.create({ prompt: 'x', taskId: 'a' }),
      await manager.create({ prompt: 'x', taskId: 'a' }),
    ];
    await Promise.all([manager.waitFor(first.id), manager.waitFor(second.id)]);
    handlers.createAutonomousMonitor('a', (event) => told.push(event));
    await manager.remove(second.id);
    expect(told).toEqual([]);
    await manager.remove(first.id);
    expect(told).toMatchObject([
      { type: 'autonomous-event', taskId: 'a', sessionId: first.id, event: { type: 'removed' } },
    ]);
  });

  it('handleAutonomousSteer() delivers a message', async () => {
    const { manager } = simulate(() =>
      scriptedRun([{ tool: 'Bash', input: { command: 'sleep 1' }, takesMs: 20 }, { text: 'Done.' }]),
    );
    const { id } = await manager.create({ prompt: 'x' });
    await nextEvent(manager, 'session:tool');
    const steered = nextEvent(manager, 'session:steered');
    expect(await createAutonomousHandlers(manager).handleAutonomousSteer(id, 'Faster.')).toMatchObject({
      success: true,
    });
    expect((await steered).message).toBe('Faster.');
  });

  it.each([
    [
      'approved',
      'ok',
      (handlers: AutonomousHandlers, id: string, request: string) =>
        handlers.handleAutonomousApprove(id, request, 'fine'),
    ],
    [
      'denied',
      'denied',
      (handlers: AutonomousHandlers, id: string, request: string) =>
        handlers.handleAutonomousDeny(id, request, 'not now'),
    ],
  ] as const)('a waiting tool call is %s by its handler', async (state, outcome, answer) => {
    const { manager, events } = simulate(PUSHES, { policy: ASK_TO_PUSH });
    const { id } = await manager.create({ prompt: 'x' });
    const { request } = await nextEvent(manager, 'session:approval');
    expect(await answer(createAutonomousHandlers(manager), id, request.requestId)).toMatchObject({ success: true });
    const { metadata } = await manager.waitFor(id);
    expect(metadata.toolsUsed[0]?.outcome).toBe(outcome);
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:approval', state }));
  });

  it('the handlers answer errors with their code and never reject', async () => {
    const { manager } = simulate(DONE);
    const handlers = createAutonomousHandlers(manager);
    const unknown = { success: false, error: 'Session not found', code: 'SESSION_NOT_FOUND' };
    expect(await handlers.handleAutonomousCancel('nobody')).toEqual(unknown);
    expect(await handlers.handleAutonomousGet('__proto__')).toEqual(unknown);
    expect(await handlers.handleAutonomousCreate({ prompt: '' })).toMatchObject({
      success: false,
      code: 'INVALID_OPTIONS',
    });
    vi.spyOn(manager, 'list').mockImplementationOnce(() => {
      throw new TypeError('broken');
    });
    expect(await handlers.handleAutonomousList()).toEqual({ success: false, error: 'broken' });
  });
});
