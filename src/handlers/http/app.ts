import { Hono, type MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import type { z } from 'zod';
import type { Sessions } from '../../core/index.js';
import { messageOf } from '../../core/orchestration/util/errors.js';
import { requireManager } from '../arguments.js';
import { createAutonomousHandlers, type HandlerResult } from '../autonomous-handlers.js';
import { jsonOnly, sameOriginOnly, tokenNeeded } from './access.js';
import { dashboardFiles } from './dashboard-files.js';
import { EventFeed } from './event-feed.js';
import { EventHistory } from './event-history.js';
import { openApiDocument } from './openapi.js';
import { type AutonomousAppOptions, resolveAppOptions } from './options.js';
import { Readers } from './readers.js';
import { apiRoutes, type Route } from './routes.js';
import { STATUS_OF } from './status-of.js';
import { pinned } from './workspaces.js';

/** The app, with the token that its requests have to carry. */
export interface AutonomousApp extends Hono {
  /**
   * The token that was given, or else the new one. The dashboard's address is the address of the app with `/#token=` and the token
   * at its end. It is not enumerable, so that printing the app does not show it.
   */
  readonly token: string;
}

const CHANGES = ['POST', 'PUT', 'PATCH', 'DELETE'];

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
 * @param manager a `UnifiedSessionManager`, or other {@link Sessions}
 * @param options all can be left out. Without options, every request needs a new random token (`app.token`), only this machine's
 * loopback names are accepted, and sessions can be started in the working directory
 * @throws OrchestrationError `INVALID_OPTIONS` if `manager` is not a manager, or an option is unknown or cannot be used: for example
 * a token that is too short, or that has characters that a header cannot carry
 * @example
 * ```ts
 * const app = createAutonomousApp(manager);
 * // In seconds. An event stream has a ping every 15 seconds, and Bun's default is 10.
 * const server = Bun.serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 4300, idleTimeout: 120 });
 * console.log(`${server.url}#token=${app.token}`);
 * ```
 */
export function createAutonomousApp(manager: Sessions, options: AutonomousAppOptions = {}): AutonomousApp {
  requireManager(manager);
  const { token, readWithoutToken, workspaces: given, hosts } = resolveAppOptions(options);
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
  return Object.defineProperty(app, 'token', { value: token }) as unknown as AutonomousApp;
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
