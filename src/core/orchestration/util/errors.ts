import { inspect } from 'node:util';

/**
 * Machine-readable cause of an {@link OrchestrationError}.
 *
 * | code | meaning | next step |
 * |---|---|---|
 * | `INVALID_OPTIONS` | an option is missing, contradictory or out of range | correct the option that the message names |
 * | `QUEUE_FULL` | every slot and every waiting place is taken | wait for a session to end, or raise `maxQueued` |
 * | `CHILDREN_LIMIT` | a session already leads as many sessions or generations as its limits allow | continue one of those, or raise `limits.children` or `limits.depth` |
 * | `SESSION_NOT_FOUND` | no session has this id | look it up with `list()` |
 * | `REQUEST_NOT_FOUND` | no approval or question with this id waits | read `pendingApprovals`, `pendingQuestions`; it may have been answered |
 * | `ILLEGAL_TRANSITION` | the session's status does not allow the call | wait with `waitFor()`, or use the call that the message names |
 * | `DOCKER_UNAVAILABLE` | no Docker engine answers, or it answers only with an error | start the engine, set `DOCKER_HOST`, or see the message |
 * | `IMAGE_NOT_FOUND` | the engine has no such image | build it with `npx autonomous-orchestration image build`, load or pull it; the library never pulls |
 * | `CLAUDE_NOT_FOUND` | neither image nor `PATH` has a `claude` that runs | install Claude Code there |
 * | `TMUX_NOT_FOUND` | an interactive session needs tmux, and `PATH` has none | install it: Debian's package `tmux`, `brew install tmux` |
 * | `ONBOARDING_NEEDED` | Claude's terminal UI asks what only a person may answer: theme, trust, API key | start `claude` there once by hand, or mount a home folder with the answers |
 * | `WORKSPACE_NOT_FOUND` | the workspace is missing or not a folder | correct `cwd` |
 * | `WORKSPACE_NOT_WRITABLE` | the session's user cannot write to the workspace | change its owner or mode, or see the message |
 * | `UNSAFE_MOUNT` | a mount would hand the machine to the agent | mount less, or set `docker.allowUnsafeMounts` |
 * | `UNSAFE_SETTINGS` | the workspace's Claude settings would switch the guard off | correct the file that the message names |
 * | `WORKTREE_FAILED` | the worktree could not be made, found or removed | see the message |
 * | `WORKTREE_HAS_WORK` | a worktree has work that would be lost with it | merge it, or remove it with `force` |
 * | `LAUNCH_FAILED` | the session's process could not be started | see the message |
 * | `SETUP_FAILED` | a command of `setup` failed or took too long; the reason of a session, not thrown | correct the command that the message names |
 * | `ENV_MISSING` | a session of an earlier process needs variables, and their values are not kept on disk | give them to `recover({ env })` |
 * | `STATE_LOCKED` | another manager uses `stateDir` | reach it with `openSessions()`, close it, or choose another folder |
 * | `OWNER_UNREACHABLE` | the process that owns the sessions does not answer, or the connection to it was lost | see the message; look at the record before you repeat a call |
 * | `OWNER_INCOMPATIBLE` | the process that owns the sessions has another version of this library | use the same version in both |
 * | `STATE_NOT_WRITABLE` | `stateDir` cannot be written, others could write to it, or something in it is a link | correct its owner and mode, remove what the message names, or choose another |
 * | `EVENTS_OVERFLOW` | an `events()` reader fell too far behind | read faster, or filter by `sessionId` |
 * | `MANAGER_CLOSED` | the manager was closed | create a new one |
 */
export type OrchestrationErrorCode =
  | 'INVALID_OPTIONS'
  | 'QUEUE_FULL'
  | 'SESSION_NOT_FOUND'
  | 'REQUEST_NOT_FOUND'
  | 'CHILDREN_LIMIT'
  | 'ILLEGAL_TRANSITION'
  | 'DOCKER_UNAVAILABLE'
  | 'IMAGE_NOT_FOUND'
  | 'CLAUDE_NOT_FOUND'
  | 'TMUX_NOT_FOUND'
  | 'ONBOARDING_NEEDED'
  | 'WORKSPACE_NOT_FOUND'
  | 'WORKSPACE_NOT_WRITABLE'
  | 'UNSAFE_MOUNT'
  | 'UNSAFE_SETTINGS'
  | 'WORKTREE_FAILED'
  | 'WORKTREE_HAS_WORK'
  | 'LAUNCH_FAILED'
  | 'SETUP_FAILED'
  | 'ENV_MISSING'
  | 'STATE_LOCKED'
  | 'OWNER_UNREACHABLE'
  | 'OWNER_INCOMPATIBLE'
  | 'STATE_NOT_WRITABLE'
  | 'EVENTS_OVERFLOW'
  | 'MANAGER_CLOSED';

/** The errors whose cause is the engine, the image or the user, which `doctor` examines. */
const EXAMINED: readonly OrchestrationErrorCode[] = [
  'DOCKER_UNAVAILABLE',
  'IMAGE_NOT_FOUND',
  'CLAUDE_NOT_FOUND',
  'ONBOARDING_NEEDED',
  'WORKSPACE_NOT_WRITABLE',
];
/** What such an error says at its end. */
export const DOCTOR_HINT = "'npx autonomous-orchestration doctor' checks what a session needs.";

/** An error may repeat the message of another one, with its hint. */
function withHint(code: OrchestrationErrorCode, message: string): string {
  return EXAMINED.includes(code) && !message.includes(DOCTOR_HINT) ? `${message} ${DOCTOR_HINT}` : message;
}

/**
 * The one error class that this library throws on purpose. Its message names the option or resource, the value received and the
 * next step. `code` is for programs, `cause` keeps the underlying error.
 *
 * @example
 * ```ts
 * try {
 *   await manager.create({ prompt: 'Fix the failing test' });
 * } catch (error) {
 *   if (error instanceof OrchestrationError && error.code === 'QUEUE_FULL') retryLater();
 *   else throw error;
 * }
 * ```
 */
export class OrchestrationError extends Error {
  override readonly name = 'OrchestrationError';
  readonly code: OrchestrationErrorCode;

  constructor(code: OrchestrationErrorCode, message: string, options?: { cause?: unknown }) {
    super(withHint(code, message), options);
    this.code = code;
  }
}

/** The message of any thrown value. */
export function messageOf(thrown: unknown): string {
  // `inspect`, because `String()` itself throws for some objects.
  return thrown instanceof Error ? thrown.message : typeof thrown === 'string' ? thrown : inspect(thrown);
}

/** The `code` of a Node system error (`'ENOENT'`, …), or undefined. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** A value in the form in which an error message shows it: on one line, with a bounded length. */
export function quote(value: unknown): string {
  const text = jsonOf(value) ?? inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 3 });
  // JSON does not escape these characters, and terminals obey them.
  const harmless = text.replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
  return harmless.length > 200 ? `${harmless.slice(0, 200)}…` : harmless;
}

/** Undefined if JSON cannot express the value, or would falsify it. */
function jsonOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'object') return undefined;
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
