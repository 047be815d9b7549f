import type { z } from 'zod';
import { OrchestrationError } from '../../core/index.js';
import { withTimeout } from '../../core/orchestration/util/deferred.js';
import type { AutonomousHandlers, HandlerResult } from '../autonomous-handlers.js';
import type { EventHistory } from './event-history.js';
import { bodies, type CreateBody, createBody, logsQuery } from './schemas.js';
import { workspaceOf } from './workspaces.js';

/** A request after its checks. */
interface RouteInput<Body, Query> {
  readonly taskId: string;
  readonly body: Body;
  readonly query: Query;
}

/** One route of the API: how it is reached, what it takes, and which handler answers. */
export interface Route<Body = unknown, Query = unknown> {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly description: string;
  /** The TypeScript type that the answer's `data` has. */
  readonly data: string;
  /** The status of a success. Default 200. */
  readonly status?: 201;
  /** The meaning of a 202 without data. Absent if the route never answers before all is done. */
  readonly accepted?: string;
  readonly body?: z.ZodType<Body>;
  readonly query?: z.ZodType<Query>;
  run(input: RouteInput<Body, Query>): Promise<RouteAnswer>;
}

/** A handler's result, or a success with its data in pieces of JSON. Undefined if the request is accepted but not done yet. */
type RouteAnswer = HandlerResult<unknown> | { readonly success: true; readonly pieces: Iterable<string> } | undefined;

const SESSIONS = '/api/autonomous-sessions';
/**
 * If the agent has not got a message within this time, the request is answered as accepted. A browser has few connections to
 * one server, so the request must not hold one for long.
 */
export const HEARD_WITHIN_MS = 500;

export interface RouteSources {
  readonly handlers: AutonomousHandlers;
  readonly history: EventHistory;
  readonly workspaces: readonly string[];
}

/** All routes. If two of them fit a request, the earlier one answers it. */
export function apiRoutes({ handlers, history, workspaces }: RouteSources): Route[] {
  const action = <Body>(
    name: string,
    description: string,
    body: z.ZodType<Body>,
    run: (taskId: string, body: Body) => Promise<RouteAnswer>,
  ): Route =>
    route({
      method: 'post',
      path: `${SESSIONS}/:taskId/${name}`,
      description,
      data: 'AutonomousSession',
      body,
      run: ({ taskId, body }) => run(taskId, body),
    });
  return [
    route({
      method: 'get',
      path: SESSIONS,
      description: 'All sessions, the newest first.',
      data: 'AutonomousSession[]',
      run: () => handlers.handleAutonomousList(),
    }),
    route({
      method: 'get',
      path: `${SESSIONS}/logs`,
      description: 'The latest messages, tool calls and errors of all sessions, the newest first; 1,000 at most.',
      data: 'LogEntry[]',
      query: logsQuery,
      run: ({ query: { limit } }) => handlers.handleAutonomousLogs(limit),
    }),
    route({
      method: 'get',
      path: `${SESSIONS}/:taskId`,
      description: 'One session in full.',
      data: 'AutonomousSessionDetails',
      run: ({ taskId }) => handlers.handleAutonomousGet(taskId),
    }),
    route({
      method: 'get',
      path: `${SESSIONS}/:taskId/events`,
      description: 'The events of a session that the server still keeps, the oldest first.',
      data: 'FeedEvent[]',
      run: async ({ taskId }) => {
        const found = await handlers.handleAutonomousGet(taskId);
        return found.success ? { success: true, pieces: history.ofSession(found.data.id) } : found;
      },
    }),
    route({
      method: 'get',
      path: '/api/autonomous-queue',
      description: 'How many sessions run and wait, and which one is next.',
      data: 'QueueStatus',
      run: () => handlers.handleAutonomousQueue(),
    }),
    route({
      method: 'post',
      path: '/api/autonomous-queue/hold',
      description: 'Holds the queue: no session starts until it is released.',
      data: 'QueueStatus',
      body: bodies.hold,
      run: ({ body: { reason } }) => handlers.handleAutonomousHoldQueue(reason),
    }),
    route({
      method: 'post',
      path: '/api/autonomous-queue/release',
      description: 'Lets sessions start again.',
      data: 'QueueStatus',
      body: bodies.release,
      run: ({ body: { account } }) => handlers.handleAutonomousReleaseQueue(account),
    }),
    route({
      method: 'post',
      path: SESSIONS,
      description: 'Creates a session: starts or queues it.',
      data: 'AutonomousSession',
      status: 201,
      body: createBody,
      run: ({ body }) => create(handlers, body as CreateBody, workspaces),
    }),
    action('cancel', 'Ends the session; answers when it has ended.', bodies.cancel, (id, { reason }) =>
      handlers.handleAutonomousCancel(id, reason),
    ),
    action('pause', 'Freezes the session.', bodies.nothing, (id) => handlers.handleAutonomousPause(id)),
    action('resume', 'Lets the paused session go on.', bodies.nothing, (id) => handlers.handleAutonomousResume(id)),
    action(
      'continue',
      'Starts a further run: of the same conversation, or of a fresh one.',
      bodies.continue,
      (id, body) => handlers.handleAutonomousContinue(id, body.feedback, body.fresh ? { fresh: true } : {}),
    ),
    {
      ...action('steer', 'Sends a message to the agent.', bodies.steer, (id, { message }) =>
        withTimeout(handlers.handleAutonomousSteer(id, message), HEARD_WITHIN_MS),
      ),
      accepted: 'The agent gets the message later',
    },
    action('approve', 'Approves a tool call that waits for a decision.', bodies.approve, (id, { requestId, note }) =>
      handlers.handleAutonomousApprove(id, requestId, note),
    ),
    action('deny', 'Denies a tool call that waits for a decision.', bodies.deny, (id, { requestId, reason }) =>
      handlers.handleAutonomousDeny(id, requestId, reason),
    ),
    action('answer', 'Answers questions of the agent.', bodies.answer, (id, { questionId, answers }) =>
      handlers.handleAutonomousAnswer(id, questionId, answers),
    ),
    action('remove', 'Forgets a session that has ended, with its files.', bodies.remove, (id, { force }) =>
      handlers.handleAutonomousRemove(id, force),
    ),
  ];
}

async function create(
  handlers: AutonomousHandlers,
  body: CreateBody,
  workspaces: readonly string[],
): Promise<HandlerResult<unknown>> {
  try {
    const cwd = await cwdOf(handlers, body, workspaces);
    // The manager checks `workspaces` again whenever a run starts, because a session may wait for hours.
    return await handlers.handleAutonomousCreate({
      ...body,
      ...(cwd !== undefined && { cwd }),
      workspaces: [...workspaces],
    });
  } catch (error) {
    if (!(error instanceof OrchestrationError)) throw error;
    return { success: false, error: error.message, code: error.code };
  }
}

/** The folder in which the session works; undefined if it works in its parent's folder. */
async function cwdOf(
  handlers: AutonomousHandlers,
  { cwd, parentId }: CreateBody,
  workspaces: readonly string[],
): Promise<string | undefined> {
  if (cwd !== undefined || parentId === undefined) return workspaceOf(cwd, workspaces);
  const parent = await handlers.handleAutonomousGet(parentId);
  if (!parent.success || parent.data.id !== parentId) return workspaceOf(cwd, workspaces);
  await workspaceOf(parent.data.environment.cwd, workspaces);
  return undefined;
}

/** Lets TypeScript check each route with the types of its own body and query. */
function route<Body, Query>(route: Route<Body, Query>): Route {
  return route as Route;
}
