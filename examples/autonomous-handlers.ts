/**
 * Handlers for a server of your own: every verb, mounted in node:http, in Hono and in Bun. Import the handlers from this file instead
 * of from the file that they replace. Run on its own, this file serves the three routes that the older page polls, and all others:
 *
 *   AGENTS_TOKEN=… npx tsx examples/autonomous-handlers.ts [port] [node|hono]
 *   AGENTS_TOKEN=… bun examples/autonomous-handlers.ts [port] bun
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { createAutonomousHandlers, type HandlerResult, STATUS_OF } from 'autonomous-orchestration/handlers';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';

export const manager = new UnifiedSessionManager();
export const {
  handleAutonomousList,
  handleAutonomousGet,
  handleAutonomousLogs,
  handleAutonomousQueue,
  handleAutonomousHoldQueue,
  handleAutonomousReleaseQueue,
  handleAutonomousCreate,
  handleAutonomousCancel,
  handleAutonomousPause,
  handleAutonomousResume,
  handleAutonomousContinue,
  handleAutonomousSteer,
  handleAutonomousApprove,
  handleAutonomousDeny,
  handleAutonomousAnswer,
  handleAutonomousRemove,
  createAutonomousMonitor,
} = createAutonomousHandlers(manager);

type Result = HandlerResult<unknown>;

const SESSIONS = '/api/autonomous-sessions';
const QUEUE = '/api/autonomous-queue';
const NOT_FOUND: Result = { success: false, error: 'Not found' };
const HOSTNAME = '127.0.0.1';
const MOST_BODY = 2 ** 20;
/** A reader that leaves more unread is cut off, because its events stay in memory. */
const MOST_UNREAD = 2 ** 20;
const EVENT_STREAM = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };
const TOKEN = process.env.AGENTS_TOKEN ?? randomUUID();

/** What a body may have. The handlers refuse values of another kind, so they may come straight from a request. */
interface Body {
  prompt: string;
  taskId?: string;
  reason?: string;
  feedback: string;
  message: string;
  requestId: string;
  note?: string;
  questionId: string;
  answers: string[];
  force?: boolean;
  account?: string;
}

/** `POST /api/autonomous-sessions`. Other options can name files of this machine, so no request chooses them. */
function create({ prompt, taskId }: Body): Promise<Result> {
  return handleAutonomousCreate({ prompt, ...(taskId !== undefined && { taskId }) });
}

/** `POST /api/autonomous-sessions/:taskId/:verb` */
async function act(taskId: string, verb: string, body: Body): Promise<Result> {
  switch (verb) {
    case 'cancel':
      return handleAutonomousCancel(taskId, body.reason);
    case 'pause':
      return handleAutonomousPause(taskId);
    case 'resume':
      return handleAutonomousResume(taskId);
    case 'continue':
      return handleAutonomousContinue(taskId, body.feedback);
    case 'steer': // Answers when the agent has got the message. That may take as long as the agent's tool call.
      return handleAutonomousSteer(taskId, body.message);
    case 'approve':
      return handleAutonomousApprove(taskId, body.requestId, body.note);
    case 'deny':
      return handleAutonomousDeny(taskId, body.requestId, body.reason);
    case 'answer':
      return handleAutonomousAnswer(taskId, body.questionId, body.answers);
    case 'remove':
      return handleAutonomousRemove(taskId, body.force);
    default:
      return NOT_FOUND;
  }
}

/** `POST /api/autonomous-queue/:verb` */
async function actOnQueue(verb: string, body: Body): Promise<Result> {
  if (verb === 'hold') return handleAutonomousHoldQueue(body.reason);
  return verb === 'release' ? handleAutonomousReleaseQueue(body.account) : NOT_FOUND;
}

/** A body that is no JSON object has no fields. The handler then says which field is missing. */
function bodyOf(json: string): Body {
  try {
    return Object(JSON.parse(json));
  } catch {
    return Object({});
  }
}

function statusOf(result: Result) {
  if (result.success) return 200;
  if (result === NOT_FOUND) return 404;
  return result.code ? STATUS_OF[result.code] : 500;
}

/** The status with which a request is refused. Put the login of your server here. */
function refusalOf(method: string, host = '', authorization = ''): 401 | 421 | undefined {
  // A foreign page can have a host name that resolves to this machine (DNS rebinding).
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return 421;
  // Reading takes no token, because the older page has none. Whoever may act can start agents.
  return method === 'GET' || authorization === `Bearer ${TOKEN}` ? undefined : 401;
}

/** Finds the handler for a request to a server without routes. */
async function route(method: string, { pathname, searchParams }: URL, json: string): Promise<Result> {
  if (method === 'GET' && pathname === QUEUE) return handleAutonomousQueue();
  const [, change] = /^\/api\/autonomous-queue\/([^/]+)$/.exec(pathname) ?? [];
  if (method === 'POST' && change !== undefined) return actOnQueue(change, bodyOf(json));
  const [path, id, verb] = /^\/api\/autonomous-sessions(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(pathname) ?? [];
  if (path === undefined) return NOT_FOUND;
  if (method === 'POST') return id === undefined ? create(bodyOf(json)) : act(decoded(id), verb ?? '', bodyOf(json));
  if (method !== 'GET' || verb !== undefined) return NOT_FOUND;
  if (id === undefined) return handleAutonomousList();
  // A limit that is no number is NaN, which the handler refuses.
  if (id === 'logs') return handleAutonomousLogs(Number(searchParams.get('limit') ?? 50));
  return handleAutonomousGet(decoded(id));
}

/** A text that cannot be decoded is the id of no session. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** The session of `GET /api/autonomous-sessions/:taskId/monitor`. */
function monitoredTask(method: string, { pathname }: URL): string | undefined {
  const [, id] = /^\/api\/autonomous-sessions\/([^/]+)\/monitor$/.exec(pathname) ?? [];
  return method === 'GET' && id !== undefined ? decoded(id) : undefined;
}

// node:http

export const nodeServer = createServer((request, response) => {
  onRequest(request, response).catch(() => {
    if (response.headersSent) response.destroy();
    else response.writeHead(400).end();
  });
});

async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '', headers } = request;
  const refusal = refusalOf(method, headers.host, headers.authorization);
  if (refusal) return void response.writeHead(refusal).end();
  const address = new URL(url, 'http://localhost');
  const taskId = monitoredTask(method, address);
  if (taskId !== undefined) return monitor(taskId, response);
  const result = await route(method, address, await bodyText(request));
  response.writeHead(statusOf(result), { 'Content-Type': 'application/json' }).end(JSON.stringify(result));
}

async function bodyText(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request.setEncoding('utf8')) {
    body += part;
    if (body.length > MOST_BODY) throw new Error('The body is too long.');
  }
  return body;
}

/** Sends the events of a session as server-sent events, until the reader leaves. */
function monitor(taskId: string, response: ServerResponse): void {
  response.writeHead(200, EVENT_STREAM).flushHeaders();
  const end = createAutonomousMonitor(taskId, (event) => {
    response.write(`data: ${JSON.stringify(event)}\n\n`);
    if (response.writableLength > MOST_UNREAD) response.destroy();
  });
  response.on('close', end);
}

// Hono

const answered = async (context: Context, result: Promise<Result>): Promise<Response> =>
  context.json(await result, statusOf(await result));

export const hono = new Hono();
hono.use(async ({ req, body }, next) => {
  const host = req.header('Host') ?? new URL(req.url).host;
  const refusal = refusalOf(req.method, host, req.header('Authorization'));
  return refusal ? body(null, refusal) : next();
});
hono.use(bodyLimit({ maxSize: MOST_BODY }));
hono.get(SESSIONS, (context) => answered(context, handleAutonomousList()));
hono.get(`${SESSIONS}/logs`, (context) =>
  answered(context, handleAutonomousLogs(Number(context.req.query('limit') ?? 50))),
);
hono.get(`${SESSIONS}/:taskId`, (context) => answered(context, handleAutonomousGet(context.req.param('taskId'))));
hono.get(`${SESSIONS}/:taskId/monitor`, (context) => monitored(context.req.param('taskId')));
hono.get(QUEUE, (context) => answered(context, handleAutonomousQueue()));
hono.post(`${QUEUE}/:verb`, async (context) =>
  answered(context, actOnQueue(context.req.param('verb'), bodyOf(await context.req.text()))),
);
hono.post(SESSIONS, async (context) => answered(context, create(bodyOf(await context.req.text()))));
hono.post(`${SESSIONS}/:taskId/:verb`, async (context) => {
  const { taskId, verb } = context.req.param();
  return answered(context, act(taskId, verb, bodyOf(await context.req.text())));
});

/** The events of a session as server-sent events, until the reader leaves. */
function monitored(taskId: string): Response {
  const encoder = new TextEncoder();
  let end = (): void => {};
  const events = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        end = createAutonomousMonitor(taskId, (event) => {
          controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
          if ((controller.desiredSize ?? 0) > -MOST_UNREAD) return;
          end();
          controller.error(new Error('The events were not read.'));
        });
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
  return new Response(events, { headers: EVENT_STREAM });
}

// Bun

/** What is used of Bun here. Leave this out if your project has Bun's types. */
declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch(request: Request): Promise<Response>;
  }): { port: number; stop(closeConnections: boolean): Promise<void> };
};

/** For `Bun.serve`, and for every other server with `fetch`. */
export async function answer(request: Request): Promise<Response> {
  const { method, headers } = request;
  const url = new URL(request.url);
  const refusal = refusalOf(method, headers.get('Host') ?? url.host, headers.get('Authorization') ?? '');
  if (refusal) return new Response(null, { status: refusal });
  const taskId = monitoredTask(method, url);
  if (taskId !== undefined) return monitored(taskId);
  const result = await route(method, url, await request.text());
  return Response.json(result, { status: statusOf(result) });
}

const serveInBun = (port: number) =>
  // Without a time-out, because a monitor may have nothing to report for long. Bun's default is 10 seconds.
  Bun.serve({ hostname: HOSTNAME, port, fetch: answer, idleTimeout: 0, maxRequestBodySize: MOST_BODY });

// This file on its own

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [port = '4300', kind = 'node'] = process.argv.slice(2);
  await manager.recover(); // Takes over the sessions that an earlier process left.
  const server = kind === 'bun' ? serveInBun(Number(port)) : await serveInNode(Number(port), kind === 'hono');
  console.log(`http://${HOSTNAME}:${server.port}${SESSIONS}`);
  if (process.env.AGENTS_TOKEN === undefined) console.log(`Token: ${TOKEN}`);

  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  await server.stop(true);
  await manager.close({ sessions: 'detach' });
}

async function serveInNode(port: number, withHono: boolean) {
  const server = withHono ? createServer(getRequestListener(hono.fetch)) : nodeServer;
  await once(server.listen(port, HOSTNAME), 'listening');
  const stop = (): void => void server.close().closeAllConnections();
  return { port: (server.address() as AddressInfo).port, stop };
}
