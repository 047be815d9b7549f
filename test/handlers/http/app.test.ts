import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OrchestrationError, type OrchestrationErrorCode } from 'autonomous-orchestration';
import { createAutonomousApp } from 'autonomous-orchestration/handlers';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HEARD_WITHIN_MS } from '../../../src/handlers/http/routes.js';
import { errorOf } from '../../support/errors.js';
import { FeedReader } from '../../support/feed-reader.js';
import {
  AUTHORIZED,
  appOn,
  type DescribedRoute,
  describedRoutes,
  SESSIONS,
  TOKEN,
  testApp,
} from '../../support/http-app.js';
import { observed, runningSession } from '../../support/sessions.js';
import { ASK_TO_PUSH, DONE, ENDLESS, everyMode, nextEvent, PUSHES, simulate } from '../../support/simulate.js';
import { tempFolder } from '../../support/temp-folder.js';

class PlanningExecutor extends SimulatedExecutor {
  override async finalResult() {
    return { planFile: '/plan.md' };
  }
}

class LeadingExecutor extends SimulatedExecutor {
  override readonly leads = true;
}

const MEGABYTE = 2 ** 20;
const HOSTILE_IDS = [
  '..%2F..%2Fetc%2Fpasswd',
  '%2e%2e%2f',
  '%2e%2e%5c',
  '%00',
  'a%00b',
  '%',
  '%ff',
  '%0d%0aSet-Cookie:%20a=b',
  '__proto__',
  'constructor',
  'x'.repeat(10 * 1024),
];

/** An app with a session that runs and one that waits; both stay as they are unless a request changes them. */
async function busyApp() {
  const all = testApp(ENDLESS, { maxConcurrent: 1 });
  const said = nextEvent(all.manager, 'session:message');
  const { id } = await all.manager.create({ prompt: 'x' });
  await all.manager.create({ prompt: 'x', taskId: 'waits' });
  await said;
  const state = () => structuredClone({ sessions: all.manager.list(), queue: all.manager.queueStatus() });
  const routes = await describedRoutes(all);
  const at = ({ path }: DescribedRoute, taskId = id): string => path.replace('{taskId}', taskId);
  return {
    ...all,
    id,
    at,
    routes,
    changing: routes.filter(({ method }) => method !== 'get'),
    reading: routes.filter(({ method }) => method === 'get'),
    before: state(),
    state,
  };
}

describe('routes that change something', () => {
  it('every changing route exists and reaches its session', async () => {
    const { changing, at, post } = await busyApp();
    expect(changing.map(({ path }) => path.split('/').at(-1))).toEqual(
      expect.arrayContaining([
        'autonomous-sessions',
        'cancel',
        'pause',
        'resume',
        'continue',
        'steer',
        'approve',
        'deny',
        'answer',
        'remove',
      ]),
    );
    // The tests below check refusals. Unchanged, each of these requests reaches the session.
    for (const route of changing) {
      const { status } = await post(at(route), route.body);
      expect([200, 201, 202, 404, 409], route.path).toContain(status);
    }
  });

  it.each([
    ['without a token', 401, { token: null }],
    ['with a wrong token', 401, { token: `${TOKEN}x` }],
    ['with an empty token', 400, { token: '' }],
    ['with the token of another scheme', 400, { headers: { Authorization: `Basic ${TOKEN}` } }],
    ['from a page of another site', 403, { headers: { Origin: 'http://evil.example' } }],
    ['from a page without an origin', 403, { headers: { Origin: 'null' } }],
    [
      'from a cross-site page that does not send its origin',
      403,
      { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' } },
    ],
    [
      'from another page of this machine',
      403,
      { headers: { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors' } },
    ],
    ['from a page of another port', 403, { headers: { Origin: 'http://localhost:1' } }],
    ["from a page whose name begins with this server's", 403, { headers: { Origin: 'http://localhost.evil.example' } }],
    ['with a foreign host name, as after DNS rebinding', 421, { headers: { Host: 'evil.example' } }],
    [
      'with a foreign host name and its own origin',
      421,
      { headers: { Host: 'evil.example', Origin: 'http://evil.example' } },
    ],
    ["with a host name that begins with this server's", 421, { headers: { Host: 'localhost.evil.example' } }],
    ['with a form as its body', 415, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }],
    ['with text as its body', 415, { headers: { 'Content-Type': 'text/plain;charset=application/json' } }],
    ['with a large Content-Length', 413, { headers: { 'Content-Length': String(MEGABYTE + 1) } }],
  ] as const)('every changing route refuses a request %s', async (_, status, sent) => {
    const { changing, at, post, before, state } = await busyApp();
    for (const route of changing) {
      const answer = await post(at(route), route.body, sent);
      expect(answer.status, route.path).toBe(status);
      expect(answer.json, route.path).toMatchObject({ success: false, error: expect.any(String) });
    }
    expect(state()).toEqual(before);
  });

  it.each([
    ['that is large', 413, JSON.stringify({ message: 'x'.repeat(MEGABYTE) })],
    ['that is not JSON', 400, '{"message": "x"'],
    ['that is empty', 400, ''],
    ['that is null', 400, 'null'],
    ['that is a list', 400, '[]'],
    ['that is a text', 400, '"x"'],
    ['that is nested deeply', 400, '['.repeat(200_000)],
  ])('every changing route refuses a body %s', async (_, status, body) => {
    const { changing, at, post, before, state } = await busyApp();
    for (const route of changing) {
      const answer = await post(at(route), body);
      expect(answer.status, route.path).toBe(status);
      expect(answer.json, route.path).toMatchObject({ success: false, error: expect.any(String) });
    }
    expect(state()).toEqual(before);
  });

  it('every changing route refuses unknown keys', async () => {
    const { changing, at, post, before, state } = await busyApp();
    for (const route of changing) {
      for (const key of ['unknown', 'constructor', 'signal', 'policy', 'detached']) {
        const { status, json } = await post(at(route), { ...route.body, [key]: 'x' });
        expect([status, json.code], `${route.path} ${key}`).toEqual([400, 'INVALID_OPTIONS']);
        expect(json.error).toContain(key);
      }
    }
    expect(state()).toEqual(before);
  });

  it('every changing route refuses values of a wrong type', async () => {
    const { changing, at, post, before, state } = await busyApp();
    for (const route of changing) {
      for (const [key, { type }] of Object.entries(route.properties)) {
        const wrong = type === 'integer' || type === 'number' ? 'x' : 7;
        const { status, json } = await post(at(route), { ...route.body, [key]: wrong });
        expect([status, json.code], `${route.path} ${key}`).toEqual([400, 'INVALID_OPTIONS']);
        expect(json.error).toContain(key);
      }
    }
    expect(state()).toEqual(before);
  });

  it('every changing route answers a hostile session id with 404', async () => {
    const { changing, at, post, before, state } = await busyApp();
    for (const route of changing.filter(({ path }) => path.includes('{taskId}'))) {
      for (const id of HOSTILE_IDS) {
        const { status, json } = await post(at(route, id), route.body);
        expect([status, json.success], `${route.path} ${id.slice(0, 40)}`).toEqual([404, false]);
      }
    }
    expect(state()).toEqual(before);
  });
});

describe('routes that only read', () => {
  it('every reading route needs the token, and only the page itself does not', async () => {
    const { reading, at, app } = await busyApp();
    for (const path of [...reading.map((route) => at(route)), '/openapi.json', '/nothing', '/api', `${SESSIONS}/`]) {
      for (const Authorization of ['', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} x`]) {
        for (const method of ['GET', 'HEAD', 'OPTIONS', 'PROPFIND']) {
          const response = await app.request(path, { method, headers: Authorization ? { Authorization } : {} });
          expect([400, 401], `${method} ${path} ${Authorization}`).toContain(response.status);
          if (method === 'GET') expect(await response.json()).toEqual({ success: false, error: expect.any(String) });
        }
      }
      // A token in a link is not accepted: links end up in logs.
      for (const query of [`token=${TOKEN}`, `access_token=${TOKEN}`])
        expect((await app.request(`${path}?${query}`)).status, path).toBe(401);
    }
    for (const path of ['/', '/assets/x.js']) expect((await app.request(path)).status, path).not.toBe(401);
  });

  it('with readWithoutToken, reading needs no token and changing does', async () => {
    const { manager } = simulate(ENDLESS);
    const { app, get, post } = appOn(manager, { readWithoutToken: true });
    await manager.create({ prompt: 'x', taskId: 'a' });
    const routes = await describedRoutes({ get });
    for (const { method, path, body } of routes) {
      const at = path.replace('{taskId}', 'a');
      if (method === 'post') expect((await post(at, body, { token: null })).status, path).toBe(401);
      if (method === 'post') continue;
      const response = await app.request(at);
      expect(response.status, path).toBe(200);
      await response.body?.cancel();
    }
    expect((await app.request('/openapi.json')).status).toBe(200);
  });

  it('every reading route, the page and the description refuse other hosts and origins', async () => {
    const { reading, at, get } = await busyApp();
    for (const path of [...reading.map((route) => at(route)), '/', '/assets/x.js', '/openapi.json', '/nothing']) {
      for (const host of ['evil.example', 'evil.example:4300', '127.0.0.1.evil.example', '0.0.0.0'])
        expect((await get(path, { Host: host })).status, path).toBe(421);
      for (const origin of ['http://evil.example', 'null', 'http://localhost:1', 'file://'])
        expect((await get(path, { Origin: origin })).status, path).toBe(403);
    }
  });

  it('every reading route answers a hostile session id with 404', async () => {
    const { reading, at, get } = await busyApp();
    for (const route of reading.filter(({ path }) => path.includes('{taskId}'))) {
      for (const id of HOSTILE_IDS) {
        const { status, headers, json } = await get(at(route, id));
        expect([status, json.success], `${route.path} ${id.slice(0, 40)}`).toEqual([404, false]);
        expect(headers.has('Set-Cookie')).toBe(false);
      }
    }
  });
});

describe('hosts and origins', () => {
  it.each([
    ['localhost', 'http://localhost'],
    ['localhost:4300', 'http://localhost:4300'],
    ['127.0.0.1:4300', 'http://127.0.0.1:4300'],
    ['[::1]:4300', 'http://[::1]:4300'],
    ['LocalHost:4300', 'http://localhost:4300'],
  ])('a host and an origin of the loopback are accepted: %s', async (Host, Origin) => {
    const { get } = testApp(DONE);
    expect((await get(SESSIONS, { Host, Origin })).status).toBe(200);
  });

  it('a configured host is accepted, with any port or with its configured port', async () => {
    const { get } = testApp(DONE, {}, { hosts: ['Agents.example', 'other.example:8443'] });
    const status = async (Host: string, Origin?: string) =>
      (await get(SESSIONS, { Host, ...(Origin && { Origin }) })).status;
    expect(await status('agents.example')).toBe(200);
    expect(await status('agents.example:99', 'https://agents.example:99')).toBe(200);
    expect(await status('other.example:8443', 'https://other.example:8443')).toBe(200);
    expect(await status('other.example:1')).toBe(421);
  });

  it.each([
    // A page of another server on the same machine, or under the same name.
    ['localhost:4300', 'http://localhost'],
    ['localhost:4300', 'http://localhost:80'],
    ['localhost:4300', 'http://localhost:4301'],
    ['localhost:4300', 'http://127.0.0.1:4300'],
    ['localhost', 'http://localhost:4300'],
    ['localhost:4300', 'https://localhost:4300'],
    ['localhost:4300', 'ftp://localhost:4300'],
    ['localhost:4300', 'ws://localhost:4300'],
    ['agents.example:4300', 'https://agents.example'],
    ['agents.example:4300', 'http://agents.example:4301'],
    ['agents.example', 'http://agents.example:8080'],
    ['localhost:4300', 'https://agents.example'],
    ['localhost:4300', 'http://other.example'],
    ['localhost:4300', 'http://secure.example'],
    ['secure.example', 'http://secure.example'],
    ['secure.example:443', 'http://secure.example:443'],
    ['localhost:4300', 'https://secure.example:8443'],
    ['localhost:4300', 'http://localhost:4300.evil.example'],
    ['localhost:4300', 'http://localhost:4300@evil.example'],
  ])('an origin of another name, port or scheme is refused: %s from a page of %s', async (Host, Origin) => {
    const { get } = testApp(DONE, {}, { hosts: ['agents.example', 'other.example:8443', 'https://secure.example'] });
    expect((await get(SESSIONS, { Host, Origin })).status).toBe(403);
  });

  it.each([
    ['agents.example', 'http://agents.example'],
    ['agents.example', 'https://agents.example:443'],
    ['agents.example:443', 'https://agents.example'],
    ['agents.example:4300', 'https://agents.example:4300'],
    // A proxy in front may ask for this server by another name.
    ['localhost:4300', 'http://other.example:8443'],
    ['localhost:4300', 'https://secure.example'],
    ['secure.example', 'https://secure.example'],
  ])('an origin of a configured host is accepted: %s from a page of %s', async (Host, Origin) => {
    const { get } = testApp(DONE, {}, { hosts: ['agents.example', 'other.example:8443', 'https://secure.example'] });
    expect((await get(SESSIONS, { Host, Origin })).status).toBe(200);
  });
});

describe('answers', () => {
  it('headers restrict a page to its own content and let other origins read nothing', async () => {
    const { get, app } = testApp(DONE);
    for (const path of [SESSIONS, '/openapi.json', '/', '/nothing']) {
      const { headers } = await get(path);
      expect(headers.get('Content-Security-Policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
      );
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
      expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false);
    }
    const preflight = await app.request(SESSIONS, { method: 'OPTIONS', headers: { Origin: 'http://evil.example' } });
    expect([preflight.status, preflight.headers.has('Access-Control-Allow-Origin')]).toEqual([403, false]);
  });

  it('each error code is answered with its HTTP status', async () => {
    const { manager, get } = testApp(DONE);
    const statuses: Record<OrchestrationErrorCode, number> = {
      INVALID_OPTIONS: 400,
      QUEUE_FULL: 429,
      CHILDREN_LIMIT: 409,
      SESSION_NOT_FOUND: 404,
      REQUEST_NOT_FOUND: 404,
      ILLEGAL_TRANSITION: 409,
      DOCKER_UNAVAILABLE: 503,
      IMAGE_NOT_FOUND: 503,
      CLAUDE_NOT_FOUND: 503,
      TMUX_NOT_FOUND: 503,
      ONBOARDING_NEEDED: 503,
      WORKSPACE_NOT_FOUND: 422,
      WORKSPACE_NOT_WRITABLE: 422,
      UNSAFE_MOUNT: 422,
      UNSAFE_SETTINGS: 422,
      WORKTREE_FAILED: 422,
      WORKTREE_HAS_WORK: 409,
      LAUNCH_FAILED: 500,
      SETUP_FAILED: 500,
      ENV_MISSING: 409,
      STATE_LOCKED: 503,
      STATE_NOT_WRITABLE: 503,
      EVENTS_OVERFLOW: 500,
      OWNER_UNREACHABLE: 503,
      OWNER_INCOMPATIBLE: 503,
      MANAGER_CLOSED: 503,
    };
    const queueStatus = vi.spyOn(manager, 'queueStatus');
    const failing = (error: Error) =>
      queueStatus.mockImplementationOnce(() => {
        throw error;
      });
    for (const [code, status] of Object.entries(statuses)) {
      const error = new OrchestrationError(code as OrchestrationErrorCode, 'Why.');
      failing(error);
      const answer = await get('/api/autonomous-queue');
      expect([answer.status, answer.json]).toEqual([status, { success: false, error: error.message, code }]);
    }
    failing(new TypeError('A mistake.'));
    const { status, json } = await get('/api/autonomous-queue');
    expect([status, json]).toEqual([500, { success: false, error: 'A mistake.' }]);
  });

  it('an unknown path is answered with 404', async () => {
    const { get, post } = testApp(DONE);
    expect(await get('/api/nothing')).toMatchObject({ status: 404, json: { success: false } });
    expect(await post('/api/nothing')).toMatchObject({ status: 404, json: { success: false } });
    expect((await post('/api/nothing', {}, { token: null })).status).toBe(401);
  });
});

describe('the logs', () => {
  it('the logs have 50 entries by default and 1,000 at most', async () => {
    const { manager, get } = testApp(DONE);
    const message = { kind: 'message', text: 'x', first: true } as const;
    const sessions = Array.from({ length: 1_100 }, (_, index) =>
      observed(runningSession({ id: String(index) }), message),
    );
    vi.spyOn(manager, 'list').mockReturnValueOnce(sessions).mockReturnValueOnce(sessions).mockReturnValueOnce(sessions);
    expect((await get(`${SESSIONS}/logs`)).json.data).toHaveLength(50);
    expect((await get(`${SESSIONS}/logs?limit=70&other=1`)).json.data).toHaveLength(70);
    expect((await get(`${SESSIONS}/logs?limit=1000000`)).json.data).toHaveLength(1_000);
    for (const limit of ['0', '-1', '1.5', 'x', 'Infinity'])
      expect(await get(`${SESSIONS}/logs?limit=${limit}`)).toMatchObject({
        status: 400,
        json: { code: 'INVALID_OPTIONS' },
      });
  });
});

describe('creating a session over HTTP', () => {
  it('a session over HTTP runs in the first workspace by default, with its given options', async () => {
    const { post, manager, workspace } = testApp(DONE);
    mkdirSync(join(workspace, 'inner'));
    writeFileSync(join(workspace, 'inner/prompt.md'), '---\ninput:\n  name: string\n---\nHello {name}.\n');
    const first = await post(SESSIONS, { prompt: 'x', taskId: 'a', parentId: 'b', limits: { tokens: 5 }, maxTurns: 3 });
    expect(first).toMatchObject({ status: 201, json: { success: true, data: { taskId: 'a', parentId: 'b' } } });
    const second = await post(SESSIONS, { promptFile: 'prompt.md', data: { name: 'you' }, cwd: 'inner' });
    expect(second.status, second.text).toBe(201);
    expect(manager.list().map(({ environment }) => environment.cwd)).toEqual([workspace, join(workspace, 'inner')]);
    const third = await post(SESSIONS, { promptFile: 'prompt.md', data: { name: 7 }, cwd: 'inner' });
    expect(third).toMatchObject({ status: 400, json: { code: 'INVALID_OPTIONS' } });
  });

  it('a session over HTTP can be asked for a model and, by a JSON Schema, for a typed result', async () => {
    const { post, get, manager } = testApp(({ conversationId }) =>
      scriptedRun([{ text: 'Done.' }], { conversationId, output: { city: 'Oslo' } }),
    );
    const output = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const models = { model: 'opus', fallbackModels: ['sonnet'], effort: 'low' };
    const asked = { ...models, output, outputRetries: 1 };
    const { status, text, json } = await post(SESSIONS, { prompt: 'x', ...asked });
    expect(status, text).toBe(201);
    const { id } = (json as { data: { id: string } }).data;
    await manager.waitFor(id);
    expect((await get(`${SESSIONS}/${id}`)).json).toMatchObject({
      data: { asked: { ...models, output: { retries: 1 } }, result: { output: { city: 'Oslo' } } },
    });
    for (const wrong of [{ model: '-x' }, { effort: 'huge' }, { output: { type: 'objekt' } }, { output: 'x' }])
      expect(await post(SESSIONS, { prompt: 'x', ...wrong })).toMatchObject({ status: 400 });
  });

  it('a session over HTTP can have any mode and limits for its children', async () => {
    const { post, manager } = testApp(DONE);
    const modes = ['autonomous', 'interactive', 'planning', 'orchestration', 'worktree'];
    for (const mode of modes) {
      const { status, text } = await post(SESSIONS, { prompt: 'x', mode, limits: { children: 0, depth: 2 } });
      expect(status, text).toBe(201);
    }
    expect(manager.list().map(({ mode }) => mode)).toEqual(modes);
    for (const limits of [{ children: -1 }, { depth: 1.5 }, { children: 'x' }, { grandchildren: 1 }])
      expect(await post(SESSIONS, { prompt: 'x', limits })).toMatchObject({ status: 400 });
    expect(await post(SESSIONS, { prompt: 'x', mode: 'other' })).toMatchObject({ status: 400 });
  });

  it('a session over HTTP needs no prompt if its parent has a plan, and works in the same folder', async () => {
    const prompts: unknown[] = [];
    const play: SimulatedScript = ({ spec }) => {
      prompts.push(spec.prompt);
      return scriptedRun([{ text: 'First this, then that.' }]);
    };
    const executors = { ...everyMode(new SimulatedExecutor(play)), planning: new PlanningExecutor(play) };
    const { post, manager, workspace } = testApp(DONE, { executors });
    mkdirSync(join(workspace, 'inner'));
    const plan = await post(SESSIONS, { prompt: 'How?', mode: 'planning', cwd: 'inner' });
    const parentId: string = plan.json.data.id;
    expect(await post(SESSIONS, { parentId })).toMatchObject({ status: 400, json: { code: 'INVALID_OPTIONS' } });
    expect((await manager.waitFor(parentId)).result).toMatchObject({ planFile: '/plan.md' });
    const child = await post(SESSIONS, { parentId });
    expect(child, child.text).toMatchObject({ status: 201, json: { data: { mode: 'autonomous', parentId } } });
    const { environment } = await manager.waitFor(child.json.data.id);
    expect([environment.cwd, prompts.at(-1)]).toEqual([join(workspace, 'inner'), { text: 'First this, then that.' }]);
  });

  it('a session over HTTP works in the folder of its parent if that is in the workspaces', async () => {
    const executors = { ...everyMode(new SimulatedExecutor(ENDLESS)), orchestration: new LeadingExecutor(ENDLESS) };
    const { post, manager, workspace } = testApp(ENDLESS, { executors });
    const outside = tempFolder();
    const { id: other } = await manager.create({ prompt: 'x', cwd: outside });
    const refused = await post(SESSIONS, { prompt: 'x', parentId: other });
    expect(refused).toMatchObject({ status: 400, json: { code: 'INVALID_OPTIONS' } });
    const named = await post(SESSIONS, { prompt: 'x', parentId: 'a name' });
    expect(named.json.data.environment.cwd).toBe(workspace);
    const inside = join(workspace, 'inside');
    mkdirSync(inside);
    for (const mode of ['autonomous', 'orchestration'] as const) {
      const { id } = await manager.create({ prompt: 'x', cwd: inside, mode });
      const child = await post(SESSIONS, { prompt: 'x', parentId: id });
      expect(child.json.data.environment.cwd, child.text).toBe(inside);
    }
    const { id: leader } = await manager.create({ prompt: 'x', cwd: outside, mode: 'orchestration' });
    expect(await post(SESSIONS, { prompt: 'x', parentId: leader })).toMatchObject({ status: 400 });
    const loose = { docker: { image: 'other' } };
    expect(await post(SESSIONS, { prompt: 'x', parentId: leader, ...loose })).toMatchObject({ status: 400 });
  });

  it.each([
    ['docker', { docker: false }],
    ['docker', { docker: { env: { A: 'b' } } }],
    ['docker', { docker: { mounts: ['/:/host'], allowUnsafeMounts: true } }],
    ['mounts', { mounts: ['/:/host'] }],
    ['docker', { docker: { ports: [{ container: 80, address: '0.0.0.0' }], allowUnsafePorts: true } }],
    ['setup', { setup: [{ run: 'id' }] }],
    ['caches', { caches: ['npm'] }],
    ['policy', { policy: { dangerous: 'allow' } }],
    ['mcpConfig', { mcpConfig: 'mcp.json' }],
    ['signal', { signal: {} }],
    ['worktree', { worktree: { branch: 'a', path: '/tmp/elsewhere' } }],
    ['promptFile', { prompt: undefined, promptFile: '/etc/passwd' }],
    ['promptFile', { prompt: undefined, promptFile: 'C:\\secret.md' }],
    ['promptFile', { prompt: undefined, promptFile: '\\\\server\\secret.md' }],
  ])('a session over HTTP cannot set %s: %j', async (key, options) => {
    const { post, manager, events } = testApp(DONE);
    const { status, json } = await post(SESSIONS, { prompt: 'x', ...options });
    expect([status, json.code]).toEqual([400, 'INVALID_OPTIONS']);
    expect(json.error).toContain(key);
    expect([manager.list(), events]).toEqual([[], []]);
  });

  it('a session over HTTP cannot set options through its prototype', async () => {
    const { post, manager } = testApp(DONE);
    const { status } = await post(SESSIONS, '{"prompt":"x","__proto__":{"docker":false}}');
    const { docker } = { ...(manager.list()[0] ?? {}) } as { docker?: unknown };
    expect([status, manager.list().length, docker]).toEqual([400, 0, undefined]);
  });

  it('a session over HTTP cannot leave the workspaces, neither by path nor by link', async () => {
    const { post, manager, workspace } = testApp(DONE);
    const outside = tempFolder();
    writeFileSync(join(outside, 'secret.md'), 'secret');
    symlinkSync(outside, join(workspace, 'link'));
    symlinkSync(join(outside, 'secret.md'), join(workspace, 'link.md'));
    for (const cwd of [outside, '/', '..', dirname(workspace), 'link', `${workspace}/../`, `${workspace}-other/..`]) {
      const { status, json } = await post(SESSIONS, { prompt: 'x', cwd });
      expect([400, 422], cwd).toContain(status);
      expect(json.success).toBe(false);
    }
    for (const promptFile of ['link.md', 'link/secret.md', `../${outside.split('/').at(-1)}/secret.md`])
      expect(await post(SESSIONS, { promptFile }), promptFile).toMatchObject({ status: 400, json: { success: false } });
    expect(manager.list()).toEqual([]);
  });

  it('a session over HTTP is answered with 429 if the queue is full', async () => {
    const { post } = testApp(ENDLESS, { maxConcurrent: 1, maxQueued: 0 });
    expect((await post(SESSIONS, { prompt: 'x' })).status).toBe(201);
    expect(await post(SESSIONS, { prompt: 'x' })).toMatchObject({ status: 429, json: { code: 'QUEUE_FULL' } });
  });

  it('deeply nested data is refused, and the app still answers', async () => {
    const { post, get, workspace } = testApp(DONE);
    writeFileSync(join(workspace, 'prompt.md'), 'x');
    const data = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const { status, json } = await post(SESSIONS, `{"promptFile":"prompt.md","data":{"a":${data}}}`);
    expect([status >= 400, json.success]).toEqual([true, false]);
    expect((await get(SESSIONS)).json.data).toEqual([]);
  });
});

describe('what a person does over HTTP', () => {
  it('a session can be paused, resumed, cancelled and continued over HTTP', async () => {
    const { post, manager } = testApp(ENDLESS);
    const { id } = await manager.create({ prompt: 'x', taskId: 'a' });
    await manager.waitFor(id, { status: 'running' });
    const at = `${SESSIONS}/a`;
    expect((await post(`${at}/pause`)).json.data).toMatchObject({ state: 'paused' });
    expect((await post(`${at}/resume`)).json.data).toMatchObject({ state: 'running' });
    expect((await post(`${at}/cancel`, { reason: 'enough' })).json.data).toMatchObject({ state: 'cancelled' });
    expect(manager.get(id)?.result?.error).toBe('enough');
    expect(await post(`${at}/pause`)).toMatchObject({ status: 409, json: { code: 'ILLEGAL_TRANSITION' } });
    expect((await post(`${at}/continue`, { feedback: 'go on' })).status).toBe(200);
    expect(manager.get(id)?.runs.at(-1)?.feedback).toBe('go on');
  });

  it('a tool call can be approved and denied over HTTP', async () => {
    const { post, manager } = testApp(PUSHES, { policy: ASK_TO_PUSH });
    const outcomes: unknown[] = [];
    for (const [answer, words] of [
      ['approve', { note: 'fine' }],
      ['deny', { reason: 'not now' }],
    ] as const) {
      const { id } = await manager.create({ prompt: 'x' });
      const { request } = await nextEvent(manager, 'session:approval');
      const at = `${SESSIONS}/${id}/${answer}`;
      expect(await post(at, { requestId: 'unknown' })).toMatchObject({
        status: 404,
        json: { code: 'REQUEST_NOT_FOUND' },
      });
      expect((await post(at, { requestId: request.requestId, ...words })).status).toBe(200);
      outcomes.push((await manager.waitFor(id)).metadata.toolsUsed[0]?.outcome);
    }
    expect(outcomes).toEqual(['ok', 'denied']);
  });

  it('a question of the agent is answered over HTTP', async () => {
    const asks = { question: 'Which parts?', multiSelect: true, options: [{ label: 'Core' }, { label: 'Page' }] };
    const script = () => scriptedRun([{ tool: 'AskUserQuestion', input: { questions: [asks] } }, { text: 'Done.' }]);
    const { post, get, manager } = testApp(script);
    const { id } = await manager.create({ prompt: 'x' });
    const { question } = await nextEvent(manager, 'session:question');
    const { data } = (await get(`${SESSIONS}/${id}`)).json;
    expect(data).toMatchObject({ status: 'waiting_feedback', questionCount: 1, questions: [question] });
    const at = `${SESSIONS}/${id}/answer`;
    const { questionId } = question;
    for (const [body, status, code] of [
      [{ questionId: 'unknown', answers: ['Core'] }, 404, 'REQUEST_NOT_FOUND'],
      [{ questionId, answers: [] }, 400, 'INVALID_OPTIONS'],
      [{ questionId, answers: ['Core', 'Page'] }, 400, 'INVALID_OPTIONS'],
      [{ questionId, answers: [' '] }, 400, 'INVALID_OPTIONS'],
      [{ questionId, answers: 'Core' }, 400, 'INVALID_OPTIONS'],
      [{ questionId }, 400, 'INVALID_OPTIONS'],
    ] as const) {
      expect(await post(at, body), JSON.stringify(body)).toMatchObject({ status, json: { code } });
    }
    expect((await post(at, { questionId, answers: [['Core', 'Page']] })).status).toBe(200);
    await manager.waitFor(id);
    expect((await get(`${SESSIONS}/${id}`)).json.data).toMatchObject({
      questionCount: 0,
      answeredQuestions: [{ by: 'person', questions: [{ text: 'Which parts?', answer: ['Core', 'Page'] }] }],
    });
    expect((await post(at, { questionId, answers: ['Core'] })).status).toBe(409);
  });

  it('steering is answered with 200 if the message was delivered and 202 if it will be', async () => {
    const { post, manager } = testApp(({ session }) =>
      scriptedRun([{ tool: 'Bash', input: {}, takesMs: session.taskId === 'soon' ? 20 : 60_000 }, { text: 'Done.' }]),
    );
    const steered = async (taskId: string) => {
      const called = nextEvent(manager, 'session:tool');
      await manager.create({ prompt: 'x', taskId });
      await called;
      return post(`${SESSIONS}/${taskId}/steer`, { message: 'Faster.' });
    };
    // A busy machine may need longer than the route waits.
    const original = globalThis.setTimeout;
    const patient = vi
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation(((call: () => void, ms: number) =>
        original(call, ms === HEARD_WITHIN_MS ? 60_000 : ms)) as typeof setTimeout);
    onTestFinished(() => patient.mockRestore());
    expect(await steered('soon')).toMatchObject({ status: 200, json: { data: { taskId: 'soon' } } });
    patient.mockRestore();
    expect(await steered('late')).toMatchObject({ status: 202, json: { success: true, data: null } });
  });

  it('a session is removed over HTTP when it has ended, and its readers are told', async () => {
    const { post, get, manager, app } = testApp(ENDLESS);
    const { id } = await manager.create({ prompt: 'x', taskId: 'a' });
    await manager.waitFor(id, { status: 'running' });
    expect(await post(`${SESSIONS}/a/remove`)).toMatchObject({ status: 409, json: { code: 'ILLEGAL_TRANSITION' } });
    await manager.cancel(id);
    expect((await post(`${SESSIONS}/a/remove`, { force: 'yes' })).status).toBe(400);
    const reader = new FeedReader(await app.request('/events', { headers: AUTHORIZED }));
    await reader.until(({ event }) => event === 'snapshot');
    const remove = vi.spyOn(manager, 'remove');
    expect(await post(`${SESSIONS}/a/remove`, { force: true })).toMatchObject({ status: 200, json: { data: { id } } });
    expect(remove).toHaveBeenCalledWith(id, { force: true });
    expect((await get(`${SESSIONS}/a`)).status).toBe(404);
    // No record of the session comes any more, which would show it again on a page.
    const frames = await reader.until(({ event, data }) => event === 'event' && data.type === 'session:removed');
    expect(frames.at(-1)?.data).toMatchObject({ sessionId: id });
    expect(frames.filter(({ event }) => event === 'session')).toEqual([]);
    await reader.close();
  });

  it('the events of a session can be read over HTTP', async () => {
    const { get, manager, events } = testApp(DONE);
    const ids = await Promise.all(['a', 'b'].map((taskId) => manager.create({ prompt: 'x', taskId })));
    await Promise.all(ids.map(({ id }) => manager.waitFor(id)));
    const types = events.filter(({ sessionId }) => sessionId === ids[0]?.id).map(({ type }) => type);
    const { data } = (await get(`${SESSIONS}/a/events`)).json;
    expect(data.map(({ type }: { type: string }) => type)).toEqual(types);
  });
});

describe('createAutonomousApp', () => {
  it.each([
    '',
    'short',
    'fifteen-letters',
    'with spaces in it all',
    'ünïcode-ünïcode-ünïcode',
    'line\nline-line-line-line',
  ])('createAutonomousApp() refuses the token %j', async (token) => {
    const { manager } = simulate(DONE);
    const { message } = await errorOf(() => createAutonomousApp(manager, { token }), 'INVALID_OPTIONS');
    expect(message).toContain("'token'");
  });

  it('the app works under a path of another app, whose other routes stay as they are', async () => {
    const { manager } = simulate(ENDLESS);
    const workspace = tempFolder();
    const { app } = appOn(manager, { workspaces: [workspace] });
    const outer = new Hono().route('/agents', app);
    outer.post('/other', (context) => context.text('mine'));
    const request = (path: string, token?: string) =>
      outer.request(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
        body: JSON.stringify({ prompt: 'x', taskId: 'a' }),
      });
    expect(await (await request('/other')).text()).toBe('mine');
    expect((await request(`/agents${SESSIONS}`)).status).toBe(401);
    expect((await request(`/agents${SESSIONS}`, TOKEN)).status).toBe(201);
    expect((await outer.request(`/agents${SESSIONS}/a`)).status).toBe(401);
    expect((await outer.request(`/agents${SESSIONS}/a`, { headers: AUTHORIZED })).status).toBe(200);
    expect((await outer.request(`/agents${SESSIONS}`, { headers: { Host: 'evil.example' } })).status).toBe(421);
    expect((await outer.request('/agents/openapi.json', { headers: AUTHORIZED })).status).toBe(200);
    const feed = new FeedReader(await outer.request('/agents/events', { headers: AUTHORIZED }));
    expect(await feed.next()).toMatchObject({ event: 'snapshot', data: { sessions: [{ taskId: 'a' }] } });
    await feed.close();
  });
});
