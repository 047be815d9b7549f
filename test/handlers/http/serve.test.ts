import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { type AutonomousServer, type ServeOptions, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorOf } from '../../support/errors.js';
import { FeedReader } from '../../support/feed-reader.js';
import { appOn, describedRoutes, SESSIONS } from '../../support/http-app.js';
import { DONE, ENDLESS, nextEvent, simulate } from '../../support/simulate.js';

/** A server with simulated sessions, at a free port. */
async function serving(options: ServeOptions = {}) {
  const { manager } = simulate(ENDLESS);
  const server = await serveAutonomousApp(manager, { port: 0, ...options });
  onTestFinished(() => server.close());
  return { manager, server, port: Number(new URL(server.url).port) };
}

const bearer = ({ token }: AutonomousServer) => ({ authorization: `Bearer ${token}` });

/** The status that answers a request; a body in parts is sent without a length. */
async function send(url: string, options: http.RequestOptions, body: string[] = []): Promise<number | undefined> {
  const request = http.request(url, { agent: false, ...options });
  // A server that refuses may close before all is written.
  request.on('error', () => {});
  for (const part of body) request.write(part);
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe('serveAutonomousApp', () => {
  it('the server is reached on this machine only, at the address that it reports', async () => {
    const { server, port } = await serving();
    expect(server.url).toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`${server.url}${SESSIONS}`, { headers: bearer(server) })).status).toBe(200);
    const elsewhere = net.connect({ host: '127.0.0.2', port });
    await expect(once(elsewhere, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('the server has a new token each time, or the given one', async () => {
    const [one, two] = [await serving(), await serving()];
    expect(one.server.token).toMatch(/^[\w-]{32}$/);
    expect(two.server.token).not.toBe(one.server.token);
    const token = 'given-token-0123456789';
    const { server } = await serving({ token });
    expect([server.token, server.dashboardUrl]).toEqual([token, `${server.url}/#token=${token}`]);
    const create = (authorization: string) =>
      send(
        `${server.url}${SESSIONS}`,
        { method: 'POST', headers: { authorization, 'Content-Type': 'application/json' } },
        ['{"prompt":"x"}'],
      );
    expect(await create(`Bearer ${one.server.token}`)).toBe(401);
    expect(await create(`Bearer ${token}`)).toBe(201);
  });

  it('an invalid token and a foreign host name are refused', async () => {
    const { manager } = simulate(DONE);
    await errorOf(serveAutonomousApp(manager, { port: 0, token: 'short' }), 'INVALID_OPTIONS');
    const { server } = await serving({ hosts: ['agents.example'] });
    const asked = (host: string) => send(`${server.url}${SESSIONS}`, { headers: { ...bearer(server), host } });
    expect(await asked('evil.example')).toBe(421);
    expect(await asked('agents.example')).toBe(200);
  });

  it('the server refuses large bodies on every route, with a length and without', async () => {
    const { manager, server } = await serving();
    const said = nextEvent(manager, 'session:message');
    const { id } = await manager.create({ prompt: 'x' });
    await said;
    const before = structuredClone([manager.list(), manager.queueStatus()]);
    const part = ' '.repeat(2 ** 16);
    for (const { method, path, body } of await describedRoutes(appOn(manager))) {
      if (method === 'get') continue;
      const headers = { authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
      const url = `${server.url}${path.replace('{taskId}', id)}`;
      const parts = [...Array.from({ length: 17 }, () => part), JSON.stringify(body)];
      expect(await send(url, { method: 'POST', headers }, parts), path).toBe(413);
      const length = String(parts.join('').length);
      expect(await send(url, { method: 'POST', headers: { ...headers, 'Content-Length': length } }, parts), path).toBe(
        413,
      );
    }
    expect([manager.list(), manager.queueStatus()]).toEqual(before);
  });

  it('serveAutonomousApp() rejects if the port is taken, and leaves no listener behind', async () => {
    const { manager, port } = await serving();
    const before = manager.listenerCount('event');
    await expect(serveAutonomousApp(manager, { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(manager.listenerCount('event')).toBe(before);
  });

  it('closing the server ends event streams and frees the port, but does not close the manager', async () => {
    const { manager, server, port } = await serving();
    const reader = new FeedReader(await fetch(`${server.url}/events`, { headers: bearer(server) }));
    expect(await reader.next()).toMatchObject({ event: 'snapshot' });
    const ended = reader.next().catch(() => undefined);
    await Promise.all([server.close(), server.close()]);
    expect(await ended).toBeUndefined();
    await expect(fetch(server.url)).rejects.toThrow();
    expect((await manager.create({ prompt: 'x' })).status).toBe('starting');
    const next = await serveAutonomousApp(manager, { port });
    onTestFinished(() => next.close());
    expect((await fetch(`${next.url}${SESSIONS}`, { headers: bearer(next) })).status).toBe(200);
  });

  it('a reader is served as before when another client is gone', async () => {
    const { manager, server } = await serving();
    const gone = new AbortController();
    const response = await fetch(`${server.url}/events`, { headers: bearer(server), signal: gone.signal });
    await new FeedReader(response).next();
    gone.abort();
    // Another reader is served as before.
    const reader = new FeedReader(await fetch(`${server.url}/events`, { headers: bearer(server) }));
    await reader.next();
    await manager.create({ prompt: 'x' });
    await reader.until(({ event, data }) => event === 'event' && data.type === 'session:created');
    await reader.close();
  });

  it('a HEAD request for the event stream does not count as a reader', async () => {
    const { server } = await serving();
    for (let count = 0; count < 70; count++) {
      const { status, headers } = await fetch(`${server.url}/events`, { method: 'HEAD', headers: bearer(server) });
      expect([status, headers.get('Content-Type')]).toEqual([200, 'text/event-stream']);
    }
    const response = await fetch(`${server.url}/events`, { headers: bearer(server) });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });
});
