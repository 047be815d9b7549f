import { once } from 'node:events';
import net from 'node:net';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ConnectionLimits, listen } from '../../../src/handlers/http/node-server.js';
import { AUTHORIZED, appOn, SESSIONS } from '../../support/http-app.js';
import { DONE, simulate } from '../../support/simulate.js';

/** Limits that are never reached, unless a test sets others. */
const NEVER: ConnectionLimits = {
  headMs: 600_000,
  requestMs: 600_000,
  silenceMs: 600_000,
  idleMs: 600_000,
  checkMs: 20,
  connections: 256,
};
const SOON_MS = 100;

async function served(limits: Partial<ConnectionLimits>, app: Hono = appOn(simulate(DONE).manager).app) {
  const { server, port } = await listen(app.fetch, { port: 0, hostname: '127.0.0.1' }, { ...NEVER, ...limits });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const connect = (text = ''): net.Socket => {
    const socket = net.connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(text);
    return socket;
  };
  return { server, port, url: `http://127.0.0.1:${port}`, connect };
}

const HEAD = `Host: 127.0.0.1\r\nAuthorization: ${AUTHORIZED.Authorization}\r\n`;
const POST = `POST ${SESSIONS} HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\n`;

describe('a client that is disconnected', () => {
  it.each<[string, Partial<ConnectionLimits>, string]>([
    ['that sends nothing', { headMs: SOON_MS, requestMs: SOON_MS, silenceMs: SOON_MS }, ''],
    ['that sends half a line', { headMs: SOON_MS }, 'GET / HT'],
    ['that never ends its head', { headMs: SOON_MS }, `GET / HTTP/1.1\r\n${HEAD}`],
    ['that never ends its body', { headMs: SOON_MS, requestMs: SOON_MS }, `${POST}Content-Length: 100\r\n\r\n{"a`],
    [
      'that never ends a body in parts',
      { headMs: SOON_MS, requestMs: SOON_MS },
      `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{"\r\n`,
    ],
    [
      'without a token that never ends its body',
      { headMs: SOON_MS, requestMs: SOON_MS },
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx`,
    ],
    ['that sends no further request', { idleMs: SOON_MS }, `GET /nothing HTTP/1.1\r\n${HEAD}\r\n`],
    ['that sends requests ahead', {}, `GET ${SESSIONS} HTTP/1.1\r\n${HEAD}\r\n`.repeat(3)],
  ])('a client %s is disconnected', async (_, limits, text) => {
    const { connect } = await served(limits);
    const socket = connect(text);
    socket.resume();
    await once(socket, 'close');
  });

  it('a client that sends byte after byte and never ends its head is disconnected', async () => {
    const { connect } = await served({ headMs: SOON_MS });
    const socket = connect(`GET / HTTP/1.1\r\n${HEAD}X: `);
    const timer = setInterval(() => socket.write('x'), 10);
    onTestFinished(() => clearInterval(timer));
    socket.resume();
    await once(socket, 'close');
  });

  it.each([
    ['an answer without an end', `GET /endless HTTP/1.1\r\n${HEAD}\r\n`],
    ['a large file', `GET /large HTTP/1.1\r\n${HEAD}\r\n`],
  ])('a client that does not read %s is disconnected', async (_, text) => {
    const left = vi.fn();
    const app = new Hono();
    const chunk = new Uint8Array(65_536);
    app.get('/endless', (context) => {
      const body = new ReadableStream({ pull: (controller) => controller.enqueue(chunk), cancel: left });
      return context.body(body);
    });
    app.get('/large', (context) => context.body(new Uint8Array(64 * 2 ** 20)));
    const { connect, server } = await served({ silenceMs: 300 }, app);
    const [socket] = (await Promise.all([once(server, 'connection'), connect(text)]))[0] as [net.Socket];
    await once(socket, 'close');
    if (text.includes('endless')) await expect.poll(() => left.mock.calls.length).toBe(1);
  });

  it('a client beyond the limit of connections is disconnected, and a later one is served', async () => {
    const { connect, url, server } = await served({ connections: 3 });
    const sockets = [connect(), connect(), connect()];
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(3);
    const late = connect(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    late.resume();
    await once(late, 'close');
    sockets[0]?.destroy();
    await expect
      .poll(() =>
        fetch(`${url}/nothing`, { headers: AUTHORIZED }).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(404);
  });
});

describe('a client that is served', () => {
  it('a client can send one request after another on the same connection', async () => {
    const { connect } = await served({});
    const socket = connect();
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    for (let count = 1; count <= 20; count++) {
      socket.write(`GET /api/autonomous-queue HTTP/1.1\r\n${HEAD}\r\n`);
      while (text.split('"maxQueued"').length <= count) await once(socket, 'data');
    }
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(20);
  });
});
