import type { SessionManagerOptions, Sessions } from 'autonomous-orchestration';
import { type AutonomousAppOptions, createAutonomousApp } from 'autonomous-orchestration/handlers';
import type { SimulatedScript } from 'autonomous-orchestration/testing';
import { simulate } from './simulate.js';
import { tempFolder } from './temp-folder.js';

export const TOKEN = 'a-token-for-tests-0123456789';
/** The headers with the token. */
export const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };
export const SESSIONS = '/api/autonomous-sessions';

interface Sent {
  /** `null`: send no token. */
  token?: string | null;
  headers?: Record<string, string>;
}

/** An app with simulated sessions and a temporary workspace, and functions that send requests to it. */
export function testApp(
  script: SimulatedScript,
  options: SessionManagerOptions = {},
  app: Partial<AutonomousAppOptions> = {},
) {
  const workspace = tempFolder();
  const { manager, events } = simulate(script, options);
  return { manager, events, workspace, ...appOn(manager, { workspaces: [workspace], ...app }) };
}

/** An app for sessions, and functions that send requests to it. */
export function appOn(manager: Sessions, options: Partial<AutonomousAppOptions> = {}) {
  const app = createAutonomousApp(manager, { token: TOKEN, ...options });
  const get = async (path: string, headers: Record<string, string> = {}) =>
    answer(await app.request(path, { headers: { ...AUTHORIZED, ...headers } }));
  /** A body that is not a string is sent as JSON. */
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

/** A handler's answer, parsed from JSON. */
interface Answer {
  success: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the tests check the type
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
  /** The properties of the request's body. */
  properties: Record<string, { type?: string }>;
  /** A body that the route accepts. */
  body: Record<string, unknown>;
}

/** All routes that the app describes, so that the tests of every route include routes that are added later. */
export async function describedRoutes({ get }: Pick<ReturnType<typeof appOn>, 'get'>): Promise<DescribedRoute[]> {
  const { paths } = JSON.parse((await get('/openapi.json')).text);
  return Object.entries<Record<string, Operation>>(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { requestBody }]) => {
      const { properties = {}, required = [] } = requestBody?.content['application/json'].schema ?? {};
      // All required properties are texts or lists of texts. A session needs one of two kinds of prompt, so neither of them is marked as required.
      const names = 'prompt' in properties ? ['prompt'] : required;
      const body = Object.fromEntries(names.map((name) => [name, properties[name]?.type === 'array' ? ['x'] : 'x']));
      return { method: method as 'get' | 'post', path, properties, body };
    }),
  );
}

interface Operation {
  requestBody?: {
    content: { 'application/json': { schema: { properties?: DescribedRoute['properties']; required?: string[] } } };
  };
}
