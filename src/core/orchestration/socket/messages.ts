import type { z } from 'zod';
import type { SessionAction } from '../session/actions.js';
import type { QueueEvent } from '../session/events.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { messageOf, OrchestrationError, type OrchestrationErrorCode } from '../util/errors.js';
import { lazily } from '../util/zod.js';

/**
 * The version of the package. Client and owner have to be of the same version, because both make the same records from the same
 * actions.
 */
export const VERSION = '0.1.0';

/** What a client can ask its owner to do. Everything else is answered from the client's own copy of the records. */
const VERBS = [
  'create',
  'cancel',
  'continue',
  'pause',
  'resume',
  'steer',
  'approve',
  'deny',
  'answer',
  'removeWorktree',
  'remove',
  'holdQueue',
  'releaseQueue',
] as const;
export type Verb = (typeof VERBS)[number];

/** How long a line from a client may be, so that it cannot block the owner for long. */
export const MOST_CALL_BYTES = 8 * 1024 * 1024;

/** One line from a client. */
export type FromClient = z.infer<ReturnType<typeof fromClient>>;
export const fromClient = lazily((z) =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('ping') }),
    z.object({ type: z.literal('call'), call: z.int(), verb: z.enum(VERBS), args: z.array(z.unknown()).max(4) }),
  ]),
);

/** One line from the owner. First comes `hello`, then each record, then `ready`, then the changes in their order. */
export type FromOwner =
  | { readonly type: 'hello'; readonly version: string; readonly pid: number }
  | { readonly type: 'record'; readonly session: UnifiedSession }
  | { readonly type: 'ready'; readonly queue: QueueStatus }
  | { readonly type: 'action'; readonly id: string; readonly action: SessionAction; readonly at: number }
  | { readonly type: 'queue'; readonly event: QueueEvent }
  | { readonly type: 'pong' }
  | { readonly type: 'answer'; readonly call: number; readonly error?: SentError };

/** An error on its way to a client. */
export interface SentError {
  readonly message: string;
  /** Absent if it is not an `OrchestrationError`. */
  readonly code?: OrchestrationErrorCode;
}

export function sentError(error: unknown): SentError {
  return { message: messageOf(error), ...(error instanceof OrchestrationError && { code: error.code }) };
}

export function receivedError({ message, code }: SentError): Error {
  return code === undefined ? new Error(message) : new OrchestrationError(code, message);
}
