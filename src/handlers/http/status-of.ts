import type { OrchestrationErrorCode } from '../../core/index.js';

/**
 * The HTTP status that fits each error code, as the app answers it. For servers of your own. A result without a code is an error
 * that the library did not expect: 500.
 *
 * @example
 * ```ts
 * const status = result.success ? 200 : result.code ? STATUS_OF[result.code] : 500;
 * ```
 */
export const STATUS_OF = Object.freeze({
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
  SETUP_FAILED: 500,
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
} as const satisfies Record<OrchestrationErrorCode, number>);
