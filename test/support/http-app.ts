import type { SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import { type AutonomousAppOptions, createAutonomousApp } from 'autonomous-orchestration/handlers';
import type { SimulatedScript } from 'autonomous-orchestration/testing';
import { simulate } from './simulate.js';
import { tempFolder } from './temp-folder.js';

export const TOKEN = 'a-token-for-tests-0123456789';
/** What brings the token. */
export const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };
export const SESSIONS = '/api/autonomous-sessions';

interface Sent {
  /** `null` for none. */
  token?: string | null;
  headers?: Record<string, string>;
}

/** An app on simulated sessions, its workspace a folder of the test's own, and how it is asked. */
export function testApp(
  script: SimulatedScript,
  options: SessionManagerOptions = {},
  app: Partial<AutonomousAppOptions> = {},
) {
  const workspace = tempFolder();
  const { manager, events } = simulate(script, options);
  return { manager, events, workspace, ...appOn(manager, { workspaces: [workspace], ...app }) };
}

/** An app on a manager, and how it is asked. */
export function appOn(manager: UnifiedSessionManager, options: Partial<AutonomousAppOptions> = {}) {
  const app = createAutonomousApp(manager, { token: TOKEN, ...options });
  const get = async (path: string, headers: Record<string, string> = {}) =>
    answer(await app.request(path, { headers: { ...AUTHORIZED, ...headers } }));
  /** What is no string is sent as JSON. */
  const post = async (path: string, body: unknown = {}, { token = TOKEN, headers = {} }: Sent = {}) =>
    answer(
      await app.request(path, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          ...(token !== null && { Authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  return { app, get, post };
}

/** What a handler answers, as JSON brings it. */
interface Answer {
  success: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the tests look at what it is
  data?: any;
  error?: string;
  code?: string;
}

async function answer(response: Response) {
  const text = await response.text();
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, text, json: (isJson ? JSON.parse(text) : {}) as Answer };
}

/** A route as `/openapi.json` describes it. */
export interface DescribedRoute {
  method: 'get' | 'post';
  path: string;
  /** Of its body. */
  properties: Record<string, { type?: string }>;
  /** A body that it takes. */
  body: Record<string, unknown>;
}

/** All routes that the app describes, so that tests of every route include those that are still to come. */
export async function describedRoutes({ get }: Pick<ReturnType<typeof appOn>, 'get'>): Promise<DescribedRoute[]> {
  const { paths } = JSON.parse((await get('/openapi.json')).text);
  return Object.entries<Record<string, Operation>>(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { requestBody }]) => {
      const { properties = {}, required = [] } = requestBody?.content['application/json'].schema ?? {};
      // What has to be given is text everywhere; a session needs one of two prompts, so neither is marked.
      const names = 'prompt' in properties ? ['prompt'] : required;
      const body = Object.fromEntries(names.map((name) => [name, 'x']));
      return { method: method as 'get' | 'post', path, properties, body };
    }),
  );
}

interface Operation {
  requestBody?: {
    content: { 'application/json': { schema: { properties?: DescribedRoute['properties']; required?: string[] } } };
  };
}
