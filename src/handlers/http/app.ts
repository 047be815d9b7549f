import { Hono, type MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import type { z } from 'zod';
import { OrchestrationError, type OrchestrationErrorCode, type Sessions } from '../../core/index.js';
import { messageOf } from '../../core/orchestration/util/errors.js';
import { createAutonomousHandlers, type HandlerResult } from '../autonomous-handlers.js';
import { jsonOnly, sameOriginOnly, tokenNeeded } from './access.js';
import { dashboardFiles } from './dashboard-files.js';
import { EventFeed } from './event-feed.js';
import { EventHistory } from './event-history.js';
import { openApiDocument } from './openapi.js';
import { Readers } from './readers.js';
import { apiRoutes, type Route } from './routes.js';
import { pinned } from './workspaces.js';

/** The options of an app: who may do what, and in which folders. */
export interface AutonomousAppOptions {
  /**
   * The token that requests have to carry, as `Authorization: Bearer <token>`. Only the page itself needs no token. The token
   * has at least 16 characters: letters, digits and `-._~+/`. Whoever has it can run agents in the workspaces.
   */
  token: string;
  /**
   * True if requests that only read may come without the token. Then every process and user of this machine can read what
   * agents wrote, and can take up all places for readers. Default `false`.
   */
  readWithoutToken?: boolean;
  /**
   * The folders in which sessions may be started over HTTP. A session may also be started in a folder inside them. The
   * repository of a worktree and the worktree itself have to lie in one of these folders, too. Links on the way to these
   * folders are followed once, when the app is made. Default: the working directory.
   */
  workspaces?: readonly string[];
  /**
   * Names of this server besides the machine's loopback names. Each is a `name` for any port, `name:port`, or an origin
   * (`https://name`, with a port if it is not the scheme's default port). Requests for other names are refused. Loopback names
   * are accepted only for connections from this machine. A request from a page of another origin than the requested one is
   * refused, unless this list names the page's origin, or its name with its port.
   */
  hosts?: readonly string[];
}

const CHANGES = ['POST', 'PUT', 'PATCH', 'DELETE'];
const TOKEN = /^[A-Za-z0-9._~+/-]{16,}=*$/;

/** The page runs and shows only what it brings itself. If an agent's text got into the page as code, it would do nothing. */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
  requireTrustedTypesFor: ["'script'"],
};

/**
 * An HTTP application for a manager: the handlers' routes, server-sent events, an OpenAPI description (`/openapi.json`) and the
 * dashboard. It is a Hono app, so its `fetch` runs in Node (`serveAutonomousApp`), Bun and others, alone or as a part of
 * another app. It listens to the manager's events as long as the manager lives.
 *
 * At most 64 readers are answered at once. The app does not end slow connections: the server has to do that, as
 * `serveAutonomousApp` does. Servers other than Node's and Bun's do not tell the app from where a connection comes. Let such a
 * server listen at 127.0.0.1 only.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` if the token is too short, or contains characters that a header cannot carry
 * @example
 * ```ts
 * const app = createAutonomousApp(manager, { token });
 * Bun.serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 4300 });
 * ```
 */
export function createAutonomousApp(
  manager: Sessions,
  { token, readWithoutToken = false, workspaces: given = [process.cwd()], hosts = [] }: AutonomousAppOptions,
): Hono {
  if (!TOKEN.test(token)) {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      "Option 'token': it needs at least 16 characters, and no others than letters, digits and '-._~+/'.",
    );
  }
  const workspaces = pinned(given);
  const history = EventHistory.of(manager);
  const routes = apiRoutes({ handlers: createAutonomousHandlers(manager), history, workspaces });
  const description = openApiDocument(routes, { readWithoutToken });
  const readers = new Readers();

  const app = new Hono();
  app.onError((error, context) => {
    if (!(error instanceof HTTPException)) return context.json({ success: false, error: messageOf(error) }, 500);
    return error.res ?? context.json({ success: false, error: error.message }, error.status);
  });
  app.notFound((context) => context.json({ success: false, error: `There is no ${context.req.path} here.` }, 404));
  app.use(
    secureHeaders({
      contentSecurityPolicy: CONTENT_SECURITY_POLICY,
      referrerPolicy: 'no-referrer',
      strictTransportSecurity: false, // Whoever adds TLS decides about this header.
    }),
    sameOriginOnly(hosts),
  );
  app.route('/', dashboardFiles());
  if (readWithoutToken) app.on(CHANGES, '*', tokenNeeded(token));
  else app.use(tokenNeeded(token));
  app.on(CHANGES, ['*'], ...jsonOnly);
  app.use(readers.counted);
  for (const route of routes) app.on(route.method, route.path, answering(route, readers));
  const feed = new EventFeed({ manager, history, workspaces, readers });
  app.get('/events', (context) => feed.answer(context));
  app.get('/openapi.json', (context) => context.json(description));
  return app;
}

/** Checks a request, runs its route, and answers with the status that fits the result. */
function answering(route: Route, readers: Readers): MiddlewareHandler {
  return async (context) => {
    const query = checked(route.query, context.req.query());
    const body = checked(route.body, route.body && (await context.req.json().catch(() => undefined)));
    const result =
      query.refusal ??
      body.refusal ??
      (await route.run({ taskId: context.req.param('taskId') ?? '', query: query.value, body: body.value }));
    if (!result) return context.json({ success: true, data: null }, 202);
    if (!result.success) return context.json(result, result.code ? STATUS_OF[result.code] : 500);
    if ('data' in result) return readers.json(context, JSON.stringify(result), route.status);
    return readers.jsonOf(context, result.pieces);
  };
}

type Checked = { readonly value?: unknown; readonly refusal?: HandlerResult<never> };

function checked(schema: z.ZodType | undefined, given: unknown): Checked {
  if (!schema) return {};
  const { success, data, error } = schema.safeParse(given);
  if (success) return { value: data };
  const [issue] = error.issues;
  const where = issue?.path.join('.') || 'The request';
  return { refusal: { success: false, error: `${where}: ${issue?.message}`, code: 'INVALID_OPTIONS' } };
}

const STATUS_OF = {
  INVALID_OPTIONS: 400,
  SESSION_NOT_FOUND: 404,
  REQUEST_NOT_FOUND: 404,
  ILLEGAL_TRANSITION: 409,
  WORKTREE_HAS_WORK: 409,
  ENV_MISSING: 409,
  WORKSPACE_NOT_FOUND: 422,
  WORKSPACE_NOT_WRITABLE: 422,
  UNSAFE_MOUNT: 422,
  WORKTREE_FAILED: 422,
  CHILDREN_LIMIT: 409,
  QUEUE_FULL: 429,
  LAUNCH_FAILED: 500,
  EVENTS_OVERFLOW: 500,
  DOCKER_UNAVAILABLE: 503,
  IMAGE_NOT_FOUND: 503,
  CLAUDE_NOT_FOUND: 503,
  TMUX_NOT_FOUND: 503,
  UNSAFE_SETTINGS: 422,
  ONBOARDING_NEEDED: 503,
  STATE_LOCKED: 503,
  STATE_NOT_WRITABLE: 503,
  OWNER_UNREACHABLE: 503,
  OWNER_INCOMPATIBLE: 503,
  MANAGER_CLOSED: 503,
} as const satisfies Record<OrchestrationErrorCode, number>;
