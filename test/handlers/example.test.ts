import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAutonomousHandlers } from 'autonomous-orchestration/handlers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as example from '../../examples/autonomous-handlers.js';
import { runningSession } from '../support/sessions.js';

const { answer, hono, manager, nodeServer } = example;

const { TOKEN } = vi.hoisted(() => {
  const TOKEN = 'the-token-of-this-test';
  process.env.AGENTS_TOKEN = TOKEN;
  return { TOKEN };
});

const SESSIONS = '/api/autonomous-sessions';
const session = runningSession({ taskId: 'mine' });

/** Each server of the example, and how it answers a request. */
const SERVERS: [string, (path: string, init?: RequestInit) => Promise<Response>][] = [
  ['node:http', (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init)],
  ['Hono', async (path, init) => hono.request(path, init)],
  ['fetch, as for Bun', (path, init) => answer(new Request(`http://localhost${path}`, init))],
];
let port = 0;

beforeAll(async () => {
  await once(nodeServer.listen(0, '127.0.0.1'), 'listening');
  ({ port } = nodeServer.address() as AddressInfo);
});
afterAll(async () => {
  nodeServer.close().closeAllConnections();
  await manager.close();
});
/** The manager has one session, and does nothing with it. */
beforeEach(() => {
  vi.restoreAllMocks();
  vi.spyOn(manager, 'get').mockImplementation((id) => (id === session.id ? session : undefined));
  vi.spyOn(manager, 'list').mockImplementation(({ taskId } = {}) =>
    taskId === undefined || taskId === session.taskId ? [session] : [],
  );
  for (const name of [
    'create',
    'cancel',
    'pause',
    'resume',
    'continue',
    'approve',
    'deny',
    'answer',
    'remove',
  ] as const)
    vi.spyOn(manager, name).mockResolvedValue(session);
  vi.spyOn(manager, 'steer').mockResolvedValue();
  for (const name of ['holdQueue', 'releaseQueue'] as const)
    vi.spyOn(manager, name).mockResolvedValue(manager.queueStatus());
});

const post = (body: unknown, token = TOKEN): RequestInit => ({
  method: 'POST',
  headers: { Authorization: `Bearer ${token}` },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** Each verb with its body, and what the manager is asked for. */
const VERBS: [
  string,
  object,
  'cancel' | 'pause' | 'resume' | 'continue' | 'steer' | 'approve' | 'deny' | 'answer' | 'remove',
  unknown[],
][] = [
  ['cancel', { reason: 'Why.' }, 'cancel', ['Why.']],
  ['pause', {}, 'pause', []],
  ['resume', {}, 'resume', []],
  ['continue', { feedback: 'More.' }, 'continue', ['More.']],
  ['steer', { message: 'Faster.' }, 'steer', ['Faster.']],
  ['approve', { requestId: 'r', note: 'Fine.' }, 'approve', ['r', 'Fine.']],
  ['deny', { requestId: 'r', reason: 'No.' }, 'deny', ['r', 'No.']],
  ['answer', { questionId: 'q', answers: ['Yes'] }, 'answer', ['q', ['Yes']]],
  ['remove', { force: true }, 'remove', [{ force: true }]],
];

it('the example has every handler', () => {
  expect(Object.keys(example)).toEqual(expect.arrayContaining(Object.keys(createAutonomousHandlers(manager))));
});

describe.each(SERVERS)('the example in %s', (_, request) => {
  const json = async (path: string, init?: RequestInit) => {
    const response = await request(path, init);
    return [response.status, await response.json()];
  };

  it('the reading routes answer without a token, as the older page asks', async () => {
    expect(await json(SESSIONS)).toMatchObject([200, { data: [{ taskId: 'mine', status: 'running' }] }]);
    expect(await json(`${SESSIONS}/mine`)).toMatchObject([200, { data: { id: session.id, lastLogLines: [] } }]);
    expect(await json(`${SESSIONS}/logs?limit=5`)).toEqual([200, { success: true, data: [] }]);
    expect(await json('/api/autonomous-queue')).toEqual([200, { success: true, data: manager.queueStatus() }]);
  });

  it.each(VERBS)('the verb %s reaches the manager with the fields of the body', async (verb, body, method, args) => {
    expect(await json(`${SESSIONS}/mine/${verb}`, post(body))).toMatchObject([200, { data: { id: session.id } }]);
    expect(manager[method]).toHaveBeenCalledExactlyOnceWith(session.id, ...args);
  });

  it('the queue is held and released', async () => {
    const answered = [200, { success: true, data: manager.queueStatus() }];
    expect(await json('/api/autonomous-queue/hold', post({ reason: 'Tonight.' }))).toEqual(answered);
    expect(manager.holdQueue).toHaveBeenCalledExactlyOnceWith('Tonight.');
    expect(await json('/api/autonomous-queue/release', post({ account: 'mine' }))).toEqual(answered);
    expect(manager.releaseQueue).toHaveBeenCalledExactlyOnceWith('mine');
    expect((await request('/api/autonomous-queue/unknown', post({}))).status).toBe(404);
  });

  it('a session is created with a prompt and a task id, and no option that names files', async () => {
    const body = { prompt: 'x', taskId: 'new', cwd: '/', docker: false };
    expect(await json(SESSIONS, post(body))).toMatchObject([200, { data: { id: session.id } }]);
    expect(manager.create).toHaveBeenCalledExactlyOnceWith({ prompt: 'x', taskId: 'new' });
  });

  it('errors are answered with the status of their code', async () => {
    expect(await json(`${SESSIONS}/nobody`)).toMatchObject([404, { code: 'SESSION_NOT_FOUND' }]);
    expect(await json(`${SESSIONS}/%`)).toMatchObject([404, { code: 'SESSION_NOT_FOUND' }]);
    expect(await json(`${SESSIONS}/logs?limit=x`)).toMatchObject([400, { code: 'INVALID_OPTIONS' }]);
    expect(await json(`${SESSIONS}/logs?limit=-1`)).toMatchObject([400, { code: 'INVALID_OPTIONS' }]);
    for (const body of ['', 'null', '[]', '"x"', '{}', '{', '{"requestId":1}'])
      expect(await json(`${SESSIONS}/mine/approve`, post(body))).toMatchObject([400, { code: 'INVALID_OPTIONS' }]);
    for (const path of ['/mine/unknown', '/mine/constructor']) {
      const [status] = await json(`${SESSIONS}${path}`, post({}));
      expect(status).toBe(404);
    }
    expect((await request('/elsewhere')).status).toBe(404);
    expect(manager.approve).not.toHaveBeenCalled();
  });

  it('nothing is done without the token or with another one', async () => {
    for (const init of [post({ prompt: 'x' }, 'wrong'), { method: 'POST', body: '{"prompt":"x"}' }]) {
      expect((await request(SESSIONS, init)).status).toBe(401);
      expect((await request(`${SESSIONS}/mine/cancel`, init)).status).toBe(401);
    }
    expect(manager.create).not.toHaveBeenCalled();
    expect(manager.cancel).not.toHaveBeenCalled();
  });

  it('the monitor sends events until the reader leaves', async () => {
    const before = manager.listenerCount('event');
    const leave = new AbortController();
    const { body, headers } = await request(`${SESSIONS}/mine/monitor`, { signal: leave.signal });
    expect(headers.get('Content-Type')).toBe('text/event-stream');
    await expect.poll(() => manager.listenerCount('event')).toBe(before + 1);
    manager.emit('event', { type: 'session:paused', sessionId: session.id, at: 7, session });
    const reader = body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    expect(JSON.parse(new TextDecoder().decode(value).replace(/^data: /, ''))).toEqual({
      type: 'autonomous-event',
      taskId: 'mine',
      sessionId: session.id,
      at: 7,
      event: { type: 'paused' },
    });
    await reader?.cancel();
    await expect.poll(() => manager.listenerCount('event')).toBe(before);
  });

  it('a monitor whose reader reads nothing is ended', async () => {
    const before = manager.listenerCount('event');
    const { body } = await request(`${SESSIONS}/mine/monitor`);
    await expect.poll(() => manager.listenerCount('event')).toBe(before + 1);
    const text = 'x'.repeat(2 ** 20);
    await expect
      .poll(() => {
        manager.emit('event', { type: 'session:message', sessionId: session.id, at: 7, session, text });
        return manager.listenerCount('event');
      })
      .toBe(before);
    await body?.cancel().catch(() => {});
  });
});

describe('requests that the example refuses', () => {
  it('the servers refuse foreign host names and bodies that are too long', async () => {
    expect((await answer(new Request(`http://evil.example${SESSIONS}`))).status).toBe(421);
    expect((await hono.request(SESSIONS, { headers: { Host: 'evil.example' } })).status).toBe(421);
    const long = post({ prompt: 'x'.repeat(2 ** 21) });
    expect((await fetch(`http://127.0.0.1:${port}${SESSIONS}`, long)).status).toBe(400);
    expect((await hono.request(SESSIONS, long)).status).toBe(413);
    expect(manager.create).not.toHaveBeenCalled();
  });
});
