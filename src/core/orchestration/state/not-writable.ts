import { messageOf, OrchestrationError, shown } from '../errors.js';

/** An error of the disk, with what it was about: something in the state folder, or that itself. */
export function notWritable(path: string, cause: unknown): OrchestrationError {
  return new OrchestrationError(
    'STATE_NOT_WRITABLE',
    `Option 'stateDir': ${shown(path)} cannot be used (${messageOf(cause)}). Make room, correct its owner, or choose another.`,
    { cause },
  );
}
