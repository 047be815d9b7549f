import { once } from 'node:events';
import net from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SessionEvent, UnifiedSessionManager } from 'autonomous-orchestration';
import { type ServeOptions, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AUTHORIZED, describedRoutes, SESSIONS, TOKEN, testApp } from '../../support/http-app.js';
import { runningSession } from '../../support/sessions.js';
import { DONE, simulate } from '../../support/simulate.js';

const MEGABYTE = 2 ** 20;
const READ_WITHIN_MS = 60_000;

/** Makes a manager emit as much as its history keeps of one session: 16 million characters. */
function fillHistory(manager: UnifiedSessionManager, id: string): void {
  const session = runningSession({ id });
  const event: SessionEvent = { type: 'session:message', sessionId: id, at: 1, session, text: 'x'.repeat(3_900) };
  for (let count = 0; count < 4_500; count++) manager.emit('event', event);
}

/** Sessions whose list comes to some megabytes of JSON. */
function manySessions(manager: UnifiedSessionManager, megabytes: number): void {
  // A name is in two places of the answer.
  const taskId = 'x'.repeat(MEGABYTE / 8);
  const sessions = Array.from({ length: megabytes * 4 }, (_, index) => runningSession({ id: String(index), taskId }));
  vi.spyOn(manager, 'list').mockReturnValue(sessions);
  onTestFinished(() => void vi.restoreAllMocks());
}

/** A server with a session that has many events. */
async function fullServer(options: ServeOptions = {}) {
  const { manager } = simulate(DONE);
  const server = await serveAutonomousApp(manager, { port: 0, token: TOKEN, ...options });
  onTestFinished(() => server.close());
  const { id } = await manager.create({ prompt: 'x' });
  await manager.waitFor(id);
  fillHistory(manager, id);
  return { manager, server, id, port: Number(new URL(server.url).port) };
}

const head = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;

/** A client that never reads more than the first bytes of its answer; undefined if the server disconnected it before. */
async function silentReader(port: number, request: string): Promise<net.Socket | undefined> {
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write(request);
  const [answered] = await Promise.race([
    once(socket, 'readable').then(() => [true]),
    once(socket, 'close').then(() => [false]),
  ]);
  return answered ? socket : undefined;
}

/** Megabytes that are in use. */
const memory = (): number => {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MEGABYTE;
};

describe('60 clients that never read', () => {
  it.each([
    ['the events of a session', (id: string) => `${SESSIONS}/${id}/events`],
    ['the events of all sessions, from the first on', () => '/events?lastEventId=EPOCH-0'],
    ['the list of sessions', () => SESSIONS],
    ['the snapshot', () => '/events'],
  ])('60 clients that never read %s use no more memory than one', async (what, pathOf) => {
    const { manager, id, port, server } = await fullServer();
    if (/list|snapshot/.test(what)) manySessions(manager, 16);
    const { value } =
      (await (await fetch(`${server.url}/events`, { headers: AUTHORIZED })).body?.getReader().read()) ?? {};
    const epoch = /id: (\S+)-\d+\n\n/.exec(new TextDecoder().decode(value))?.[1] ?? '';
    const path = pathOf(id).replace('EPOCH', epoch);
    await silentReader(port, head(path));
    const before = memory();
    for (let count = 0; count < 59; count++) await silentReader(port, head(path));
    // One answer is 16 MB of text; separate answers for all readers would be more than 900 MB.
    expect(memory() - before).toBeLessThan(200);
    expect((await fetch(`${server.url}/api/autonomous-queue`, { headers: AUTHORIZED })).status).toBe(200);
  });

  it('60 clients that send all their requests ahead are disconnected', async () => {
    const { id, port, server } = await fullServer();
    const before = memory();
    const sockets = Array.from({ length: 60 }, () => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(head(`${SESSIONS}/${id}/events`).repeat(200));
      return once(socket, 'close');
    });
    await Promise.all(sockets);
    expect(memory() - before).toBeLessThan(200);
    expect((await fetch(`${server.url}/api/autonomous-queue`, { headers: AUTHORIZED })).status).toBe(200);
  });
});

describe('readers', () => {
  it('all routes together accept 64 readers, and changing requests still work', async () => {
    const { app, manager, get, post } = testApp(DONE);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    fillHistory(manager, id);
    const paths = ['/events', `${SESSIONS}/${id}/events`];
    const responses: Response[] = [];
    for (let count = 0; count < 64; count++)
      responses.push(await app.request(paths[count % 2] ?? '', { headers: AUTHORIZED }));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    for (const { method, path } of await describedRoutes({ get: () => testApp(DONE).get('/openapi.json') })) {
      const at = path.replace('{taskId}', id);
      if (method === 'get') expect(await get(at), path).toMatchObject({ status: 503, json: { success: false } });
    }
    expect((await get('/openapi.json')).status).toBe(503);
    expect((await post(`${SESSIONS}/${id}/continue`, { feedback: 'x' })).status).toBe(200);
    await responses[1]?.body?.cancel();
    expect((await get(SESSIONS)).status).toBe(200);
    for (const { body } of responses) await body?.cancel().catch(() => {});
    for (let count = 0; count < 70; count++) expect((await get(SESSIONS)).status).toBe(200);
  });

  it('readers share the memory for long answers, and a reader without memory is asked to retry', async () => {
    const { app, manager, get } = testApp(DONE);
    manySessions(manager, 20);
    const first = await app.request(SESSIONS, { headers: AUTHORIZED });
    const second = await app.request(SESSIONS, { headers: AUTHORIZED });
    expect([first.status, second.status, second.headers.get('Retry-After')]).toEqual([200, 503, '1']);
    const text = await first.text();
    expect(JSON.parse(text).data).toHaveLength(80);
    expect(text.length).toBeGreaterThan(20 * MEGABYTE);
    expect((await get(SESSIONS)).json.data).toHaveLength(80);
  });

  it('a reader that does not read a long answer within a minute is cut off and frees its memory', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { app, manager } = testApp(DONE);
    manySessions(manager, 20);
    for (const path of [SESSIONS, '/events']) {
      const slow = await app.request(path, { headers: AUTHORIZED });
      const reader = slow.body?.getReader();
      await reader?.read();
      expect((await app.request(SESSIONS, { headers: AUTHORIZED })).status, path).toBe(503);
      vi.advanceTimersByTime(READ_WITHIN_MS);
      await expect(reader?.closed).rejects.toThrow('not read in time');
      const next = await app.request(SESSIONS, { headers: AUTHORIZED });
      expect(next.status, path).toBe(200);
      await next.body?.cancel();
    }
  });

  it('a long answer arrives complete, also with characters of two code units', async () => {
    const { get, manager } = testApp(DONE);
    const text = '😀é'.repeat(40_000);
    vi.spyOn(manager, 'list').mockReturnValue([
      runningSession({ id: 'a', taskId: text }),
      runningSession({ id: 'b', taskId: ` ${text}` }),
    ]);
    const { data } = (await get(SESSIONS)).json;
    expect(data.map(({ taskId }: { taskId: string }) => taskId)).toEqual([` ${text}`, text]);
  });

  it('a reader is cut off if the events of its answer are dropped before they are read', async () => {
    const { app, manager } = testApp(DONE);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    fillHistory(manager, id);
    const response = await app.request(`${SESSIONS}/${id}/events`, { headers: AUTHORIZED });
    const reader = response.body?.getReader();
    await reader?.read();
    fillHistory(manager, 'another');
    await expect(
      (async () => {
        while (!(await reader?.read())?.done);
      })(),
    ).rejects.toThrow('no longer kept');
  });
});
