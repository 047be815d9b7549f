import { OrchestrationError } from 'autonomous-orchestration';
import { createAutonomousApp, STATUS_OF, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../../support/errors.js';
import { SESSIONS } from '../../support/http-app.js';
import { ENDLESS, simulate } from '../../support/simulate.js';

const TOKEN = 'a-token-of-the-test-0123456789';

/** Options that are refused, and the part of the message that says so. */
const WRONG: [string, unknown, string][] = [
  ['null in place of the options', null, 'The options: must be an object with token, readWithoutToken'],
  ['a text in place of the options', TOKEN, 'The options: must be an object'],
  ['a list in place of the options', [TOKEN], 'The options: must be an object'],
  ['an unknown option', { tokn: TOKEN }, "Option 'tokn': is unknown; perhaps 'token' is meant"],
  ['a token that is a number', { token: 1234567890123456 }, "Option 'token': must be a string"],
  ['an empty token', { token: '' }, "Option 'token': must have at least 16 characters"],
  ['a token with a space', { token: 'a b c d e f g h i j' }, "Option 'token': must have at least 16 characters"],
  ['a token that is null', { token: null }, "Option 'token': must be a string"],
  ['readWithoutToken as a text', { readWithoutToken: 'false' }, "Option 'readWithoutToken': must be true or false"],
  ['workspaces as a text', { workspaces: '/srv' }, "Option 'workspaces': must be an array"],
  ['a workspace that is a number', { workspaces: [1] }, "Option 'workspaces.0': must be a string"],
  ['an empty workspace', { workspaces: [''] }, "Option 'workspaces.0': must not be empty"],
  ['a workspace with NUL', { workspaces: ['/srv\0'] }, "Option 'workspaces.0': must not hold NUL"],
  ['hosts as a text', { hosts: 'agents.example' }, "Option 'hosts': must be an array"],
  ...[
    '',
    '*',
    '*.example',
    'a b',
    'agents.example/path',
    'https://agents.example/path',
    'ftp://x',
    'x:port',
    '::1',
  ].map((host): [string, unknown, string] => [
    `the host '${host}'`,
    { hosts: [host] },
    "Option 'hosts.0': must read like",
  ]),
];

/** Further options of `serveAutonomousApp` that are refused. */
const WRONG_TO_SERVE: [string, unknown, string][] = [
  ['a port that is a text', { port: '4300' }, "Option 'port': must be a whole number"],
  ['a port that is NaN', { port: Number.NaN }, "Option 'port': must be a whole number"],
  ['a port that is a fraction', { port: 0.5 }, "Option 'port': must be a whole number"],
  ['a negative port', { port: -1 }, "Option 'port': must not be negative"],
  ['a port that is too large', { port: 65_536 }, "Option 'port': must be at most 65535"],
  ['an empty hostname', { hostname: '' }, "Option 'hostname': must be a name or an address"],
  ['a hostname with a port', { hostname: 'localhost:4300' }, "Option 'hostname': must be a name or an address"],
  ['a hostname that is a number', { hostname: 127 }, "Option 'hostname': must be a string"],
];

/** What refuses, and that nothing listens to the manager's events afterwards. */
async function refusal(work: (manager: ReturnType<typeof simulate>['manager']) => unknown): Promise<string> {
  const { manager } = simulate(ENDLESS);
  const before = manager.listenerCount('event');
  const { message } = await errorOf(async () => void (await work(manager)), 'INVALID_OPTIONS');
  expect(manager.listenerCount('event')).toBe(before);
  return message;
}

describe('options that are refused', () => {
  it.each(WRONG)('createAutonomousApp() and serveAutonomousApp() refuse %s', async (_, options, problem) => {
    for (const work of [createAutonomousApp, serveAutonomousApp])
      expect(await refusal((manager) => work(manager, options as object))).toContain(problem);
  });

  it.each(WRONG_TO_SERVE)('serveAutonomousApp() refuses %s', async (_, options, problem) => {
    expect(await refusal((manager) => serveAutonomousApp(manager, options as object))).toContain(problem);
  });

  it('the message about a token does not show the token', async () => {
    for (const token of ['short-secret', 'a secret with spaces in it', 1234567890123456])
      expect(await refusal((manager) => createAutonomousApp(manager, { token } as object))).not.toContain(`${token}`);
  });

  it.each(['agents.example', 'agents.example:8080', 'https://agents.example', 'http://[::1]:80/', '[::1]', 'my_host'])(
    'createAutonomousApp() accepts the host %s',
    (host) => {
      expect(createAutonomousApp(simulate(ENDLESS).manager, { token: TOKEN, hosts: [host] }).token).toBe(TOKEN);
    },
  );
});

describe('an app without options', () => {
  const request = (app: ReturnType<typeof createAutonomousApp>, path: string, token?: string, body?: object) =>
    app.request(path, {
      headers: { 'Content-Type': 'application/json', ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });

  it('an app without options needs its own new token for reading and for acting', async () => {
    const { manager } = simulate(ENDLESS);
    const [app, other] = [createAutonomousApp(manager), createAutonomousApp(manager, {})];
    expect(app.token).toMatch(/^[\w-]{32}$/);
    expect(other.token).not.toBe(app.token);
    for (const token of [undefined, 'undefined', other.token]) {
      expect((await request(app, SESSIONS, token)).status).toBe(401);
      expect((await request(app, SESSIONS, token, { prompt: 'x' })).status).toBe(401);
    }
    expect((await request(app, SESSIONS, app.token)).status).toBe(200);
    expect(manager.list()).toEqual([]);
  });

  it('an app without options starts sessions in the working directory, and answers to loopback names only', async () => {
    const { manager } = simulate(ENDLESS);
    const app = createAutonomousApp(manager);
    expect((await request(app, SESSIONS, app.token, { prompt: 'x' })).status).toBe(201);
    expect(manager.list()).toMatchObject([{ environment: { cwd: process.cwd() } }]);
    expect((await request(app, SESSIONS, app.token, { prompt: 'x', cwd: '/' })).status).toBe(400);
    const foreign = { Authorization: `Bearer ${app.token}`, Host: 'evil.example' };
    expect((await app.request(SESSIONS, { headers: foreign })).status).toBe(421);
  });

  it('the token of an app is given, cannot be changed, and is not shown when the app is printed', async () => {
    const app = createAutonomousApp(simulate(ENDLESS).manager, { token: TOKEN });
    expect(app.token).toBe(TOKEN);
    expect(() => Object.assign(app, { token: 'x' })).toThrow(TypeError);
    expect(JSON.stringify(Object.entries(app).map(([name, value]) => [name, String(value)]))).not.toContain(TOKEN);
  });

  it('a token that is undefined means a new one, which only the caller knows', async () => {
    const app = createAutonomousApp(simulate(ENDLESS).manager, { token: undefined } as object);
    expect((await request(app, SESSIONS, 'undefined')).status).toBe(401);
    expect((await request(app, SESSIONS, app.token)).status).toBe(200);
  });
});

describe('the limit of the logs', () => {
  it.each(['NaN', '-1', '0', '1.5', 'Infinity', '-Infinity', '', 'x', '1e400'])(
    'the limit %s is refused over HTTP',
    async (limit) => {
      const app = createAutonomousApp(simulate(ENDLESS).manager, { token: TOKEN });
      const response = await app.request(`${SESSIONS}/logs?limit=${limit}`, {
        headers: { Authorization: `Bearer ${TOKEN}` },
      });
      expect([response.status, await response.json()]).toEqual([
        400,
        { success: false, error: expect.stringContaining('limit'), code: 'INVALID_OPTIONS' },
      ]);
    },
  );
});

describe('STATUS_OF', () => {
  it('STATUS_OF has the status with which the app answers each code, and cannot be changed', async () => {
    const { manager } = simulate(ENDLESS);
    const app = createAutonomousApp(manager, { token: TOKEN });
    for (const [code, status] of Object.entries(STATUS_OF)) {
      vi.spyOn(manager, 'list').mockImplementationOnce(() => {
        throw new OrchestrationError(code as keyof typeof STATUS_OF, 'Why.');
      });
      expect((await app.request(SESSIONS, { headers: { Authorization: `Bearer ${TOKEN}` } })).status, code).toBe(
        status,
      );
    }
    expect(Object.isFrozen(STATUS_OF)).toBe(true);
  });
});
