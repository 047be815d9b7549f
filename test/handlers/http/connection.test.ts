import { serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AUTHORIZED, appOn, SESSIONS, TOKEN } from '../../support/http-app.js';
import { DONE, simulate } from '../../support/simulate.js';

const NAMES = ['localhost', 'localhost:4300', '127.0.0.1', '127.0.0.1:4300', '[::1]:4300'];

/** What the server of Node passes about a connection. */
const onNode = (remoteAddress: string | undefined, localAddress = remoteAddress, destroyed = false) => ({
  incoming: { socket: { remoteAddress, localAddress, destroyed } },
});
const onBun = (address: string | undefined) => ({ requestIP: () => (address === undefined ? null : { address }) });

async function statusOf(app: Hono, Host: string, env: object): Promise<number> {
  return (await app.request(SESSIONS, { headers: { ...AUTHORIZED, Host } }, env)).status;
}

describe('a loopback name', () => {
  it.each([
    ['on Node', onNode('127.0.0.1')],
    ['at another address of the loopback', onNode('127.0.0.2', '127.0.0.1')],
    ['over IPv6', onNode('::1')],
    ['over IPv4 at a socket of IPv6', onNode('::ffff:127.0.0.1')],
    ['over a socket of the file system', onNode(undefined)],
    ['on Bun', onBun('127.0.0.1')],
    ['on a server without data about the connection', {}],
  ])('a loopback name is accepted for a connection of this machine: %s', async (_, env) => {
    const { app } = appOn(simulate(DONE).manager);
    for (const name of NAMES) expect(await statusOf(app, name, env), name).toBe(200);
  });

  it.each([
    ['from another machine', onNode('192.0.2.7', '192.0.2.1')],
    ['from another machine over IPv6', onNode('2001:db8::7', '2001:db8::1')],
    ['from another machine over IPv4 at a socket of IPv6', onNode('::ffff:192.0.2.7', '::ffff:192.0.2.1')],
    ['from another machine that forged its own address', onNode('127.0.0.1', '192.0.2.1')],
    ['from another machine that was led to the loopback', onNode('192.0.2.7', '127.0.0.1')],
    ['from a container', onNode('172.17.0.2', '172.17.0.1')],
    ['that has ended', onNode(undefined, undefined, true)],
    ['from another machine, on Bun', onBun('192.0.2.7')],
    ['that has ended, on Bun', onBun(undefined)],
  ])('a loopback name is refused for a connection %s', async (_, env) => {
    const { app } = appOn(simulate(DONE).manager, { hosts: ['agents.example'] });
    for (const name of NAMES) expect(await statusOf(app, name, env), name).toBe(421);
    expect(await statusOf(new Hono().route('/', app), 'localhost', env)).toBe(421);
    expect(await statusOf(app, 'agents.example', env)).toBe(200);
  });

  it('a loopback name is accepted from everywhere if it is a configured host', async () => {
    const { app } = appOn(simulate(DONE).manager, { hosts: ['localhost:4300'] });
    expect(await statusOf(app, 'localhost:4300', onNode('172.17.0.1', '172.17.0.2'))).toBe(200);
    expect(await statusOf(app, 'localhost:4301', onNode('172.17.0.1', '172.17.0.2'))).toBe(421);
  });

  it.each(['0.0.0.0', '::'])('a loopback name is accepted on this machine for a server at %s', async (hostname) => {
    const server = await serveAutonomousApp(simulate(DONE).manager, { port: 0, hostname, token: TOKEN });
    onTestFinished(() => server.close());
    expect((await fetch(`${server.url}${SESSIONS}`, { headers: AUTHORIZED })).status).toBe(200);
  });
});
