import { UnifiedSessionManager } from 'autonomous-orchestration';
import type { AutonomousHandlers, HandlerResult, MonitorEvent } from 'autonomous-orchestration/handlers';
import { createAutonomousApp, createAutonomousHandlers, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../support/errors.js';
import { ASK_TO_PUSH, nextEvent, PUSHES, simulate } from '../support/simulate.js';

type Handlers = Record<string, (...args: unknown[]) => Promise<HandlerResult<unknown>>>;

/** Arguments with which each handler would do something. */
const ARGUMENTS: Record<keyof AutonomousHandlers, (id: string, requestId: string) => Record<string, unknown>> = {
  handleAutonomousList: () => ({}),
  handleAutonomousQueue: () => ({}),
  handleAutonomousGet: (taskId) => ({ taskId }),
  handleAutonomousLogs: () => ({ limit: 5 }),
  handleAutonomousCreate: () => ({ options: { prompt: 'x' } }),
  handleAutonomousCancel: (taskId) => ({ taskId, reason: 'x' }),
  handleAutonomousPause: (taskId) => ({ taskId }),
  handleAutonomousResume: (taskId) => ({ taskId }),
  handleAutonomousContinue: (taskId) => ({ taskId, feedback: 'x' }),
  handleAutonomousSteer: (taskId) => ({ taskId, message: 'x' }),
  handleAutonomousApprove: (taskId, requestId) => ({ taskId, requestId, note: 'x' }),
  handleAutonomousDeny: (taskId, requestId) => ({ taskId, requestId, reason: 'x' }),
  handleAutonomousAnswer: (taskId, questionId) => ({ taskId, questionId, answers: ['x'] }),
  handleAutonomousRemove: (taskId) => ({ taskId, force: true }),
  handleAutonomousHoldQueue: () => ({ reason: 'x' }),
  handleAutonomousReleaseQueue: () => ({ account: 'x' }),
  createAutonomousMonitor: (taskId) => ({ taskId, onEvent: () => {} }),
};

/** Arguments that are optional. */
const OPTIONAL = ['limit', 'reason', 'note', 'force', 'account'];

/** Values that no handler accepts, and values that an inexact comparison could take for the id of a session. */
const noArgument = (id: string): [string, unknown][] => [
  ['null', null],
  ['true', true],
  ['not a number', Number.NaN],
  ['a negative number', -1],
  ['a fraction', 1.5],
  ['a symbol', Symbol('x')],
  ['a bigint', 1n],
  ['an array', []],
  ['an array of the id', [id]],
  ['a regular expression', /./],
  ['an object without a prototype', Object.create(null)],
  ['an object that turns into the id', { toString: () => id, toJSON: () => id, [Symbol.toPrimitive]: () => id }],
  ['a boxed id', Object(id)],
];

/** Texts that name no session. */
const noId = (id: string): string[] => [
  'undefined',
  'null',
  '*',
  '%',
  '.*',
  '../..',
  '__proto__',
  'constructor',
  ` ${id}`,
  `${id}\n`,
  `${id}\0`,
  `${id}/..`,
  id.toUpperCase(),
  '\ud800',
  'x'.repeat(100_000),
];

/** A session that asks for an approval. Its state stays the same unless a handler acts. */
async function askingSession() {
  const { manager } = simulate(PUSHES, { policy: ASK_TO_PUSH });
  const asked = nextEvent(manager, 'session:approval');
  const { id } = await manager.create({ prompt: 'x' });
  const { request } = await asked;
  const handlers = createAutonomousHandlers(manager);
  const state = () => structuredClone([manager.list(), manager.queueStatus(), manager.listenerCount('event')]);
  const argumentsOf = (name: string) =>
    Object.entries(ARGUMENTS[name as keyof AutonomousHandlers](id, request.requestId));
  return { manager, id, handlers, byName: handlers as unknown as Handlers, state, before: state(), argumentsOf };
}

const NAMES = Object.keys(ARGUMENTS);
const ANSWERING = NAMES.filter((name) => name !== 'createAutonomousMonitor');

describe('arguments of the handlers', () => {
  it('every handler is in the table of this test', async () => {
    const { handlers } = await askingSession();
    expect(Object.keys(handlers).sort()).toEqual([...NAMES].sort());
  });

  it.each(ANSWERING)('%s refuses an invalid value for each argument and changes nothing', async (name) => {
    const { id, byName, state, before, argumentsOf } = await askingSession();
    const given = argumentsOf(name);
    for (const [at, [argument]] of given.entries()) {
      const bad = noArgument(id);
      if (!OPTIONAL.includes(argument)) bad.push(['undefined', undefined]);
      if (argument !== 'reason' && argument !== 'note') bad.push(['an empty text', '']);
      for (const [what, value] of bad) {
        if (argument === 'force' && value === true) continue;
        if (argument === 'answers' && Array.isArray(value) && value.length > 0) continue;
        const args = given.map(([, fitting], index) => (index === at ? value : fitting));
        const answer = await byName[name]?.(...args);
        const error = expect.stringContaining(`'${argument}'`);
        const shape = argument === 'options' ? expect.any(String) : error;
        expect(answer, `${argument}: ${what}`).toEqual({ success: false, error: shape, code: 'INVALID_OPTIONS' });
      }
    }
    expect(state()).toEqual(before);
  });

  it.each(ANSWERING)('%s finds no session by a text that is not exactly its id', async (name) => {
    const { id, byName, state, before, argumentsOf } = await askingSession();
    const given = argumentsOf(name);
    for (const [at, [argument]] of given.entries()) {
      if (argument !== 'taskId' && argument !== 'requestId') continue;
      const code = argument === 'taskId' ? 'SESSION_NOT_FOUND' : 'REQUEST_NOT_FOUND';
      for (const text of noId(id)) {
        const args = given.map(([, fitting], index) => (index === at ? text : fitting));
        expect(await byName[name]?.(...args), text.slice(0, 40)).toMatchObject({ success: false, code });
      }
    }
    expect(state()).toEqual(before);
  });

  it('a handler that is called without arguments acts on no session', async () => {
    const { byName, state, before } = await askingSession();
    for (const name of ANSWERING.filter((name) => !/List|Queue|Logs/.test(name)))
      expect(await byName[name]?.(), name).toMatchObject({ success: false, code: 'INVALID_OPTIONS' });
    expect(state()).toEqual(before);
  });

  it('createAutonomousMonitor() reports an invalid id and watches no session', async () => {
    const { manager, id, handlers, state, before } = await askingSession();
    for (const [what, value] of [...noArgument(id), ['undefined', undefined], ['an empty text', '']] as const) {
      const told: MonitorEvent[] = [];
      const end = handlers.createAutonomousMonitor(value as string, (event) => told.push(event));
      expect(told, what).toEqual([
        { type: 'error', taskId: expect.any(String), message: expect.stringContaining("'taskId'") },
      ]);
      end();
    }
    expect(state()).toEqual(before);
    const watched = vi.fn();
    handlers.createAutonomousMonitor(undefined as unknown as string, watched);
    watched.mockClear();
    await manager.cancel(id);
    expect(watched).not.toHaveBeenCalled();
  });

  it('createAutonomousMonitor() throws if its callback is not a function', async () => {
    const { id, handlers, state, before } = await askingSession();
    for (const onEvent of [undefined, null, 'x', {}])
      await errorOf(() => handlers.createAutonomousMonitor(id, onEvent as () => void), 'INVALID_OPTIONS');
    expect(state()).toEqual(before);
  });
});

describe('the manager of the handlers', () => {
  const secret = { token: 'a-secret-token-0123456789' };
  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a text', 'manager', '"manager"'],
    ['the class', UnifiedSessionManager, 'UnifiedSessionManager'],
    ['an empty object', {}, "'create'"],
    ['an object with only a part of the methods', { create: () => {}, get: () => {} }, "'list'"],
    ['a promise', Promise.resolve(), "'create'"],
    ['options', secret, "'create'"],
  ])(
    'createAutonomousHandlers(), createAutonomousApp() and serveAutonomousApp() refuse %s',
    async (_, value, shown) => {
      const manager = value as UnifiedSessionManager;
      for (const work of [createAutonomousHandlers, createAutonomousApp, serveAutonomousApp]) {
        const { message } = await errorOf(async () => void (await work(manager)), 'INVALID_OPTIONS');
        expect(message).toContain(
          "Argument 'manager': it has to be a manager, as made by 'new UnifiedSessionManager()' or 'openSessions()'.",
        );
        expect(message).toContain(shown);
        expect(message).not.toContain(secret.token);
      }
    },
  );

  it('createAutonomousHandlers() accepts any object with the methods of a manager', async () => {
    const { manager } = await askingSession();
    const names = ['create', 'get', 'list', 'cancel', 'continue', 'pause', 'resume', 'steer', 'approve', 'deny'];
    const others = ['queueStatus', 'on', 'off'];
    const like = Object.fromEntries(
      [...names, ...others].map((name) => [name, manager[name as 'get'].bind(manager)]),
    ) as unknown as UnifiedSessionManager;
    expect(await createAutonomousHandlers(like).handleAutonomousList()).toMatchObject({
      data: [{ state: 'waiting_feedback' }],
    });
  });
});
