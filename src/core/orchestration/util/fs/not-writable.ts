import { messageOf, OrchestrationError, quote } from '../errors.js';
import { NotOwn } from './own-file.js';

/** The error for a failure of the state folder or of something in it. Its message says what the user can do. */
export function notWritable(path: string, cause: unknown): OrchestrationError {
  const next =
    cause instanceof NotOwn
      ? 'Somebody else may have put it there: see what it is, then remove it or correct its owner and mode, or choose another.'
      : 'Make room, correct its owner, or choose another.';
  return new OrchestrationError(
    'STATE_NOT_WRITABLE',
    `Option 'stateDir': ${quote(path)} cannot be used (${messageOf(cause)}). ${next}`,
    { cause },
  );
}
