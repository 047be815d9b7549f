import { realpath } from 'node:fs/promises';
import { messageOf, OrchestrationError, type OrchestrationErrorCode, systemCode } from '../util/errors.js';
import { inWords } from '../util/fs/in-words.js';
import { isInside } from '../util/fs/is-inside.js';

/**
 * The error code and the text for a failure of a run. A run writes to the disk in many places. If the failure has none of our
 * codes and names no path outside of the state folder, it is the state folder's.
 */
export async function failureOf(
  error: unknown,
  stateDir: string,
): Promise<{ reason: OrchestrationErrorCode; error: string }> {
  if (error instanceof OrchestrationError) return { reason: error.code, error: error.message };
  const isDisk = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '');
  const { path, dest } = (error ?? {}) as { path?: unknown; dest?: unknown };
  const place = dest ?? path;
  const states = [stateDir, await realpath(stateDir).catch(() => stateDir)];
  const isStates = typeof place !== 'string' || states.some((folder) => isInside(place, folder));
  if (isDisk && isStates) return { reason: 'STATE_NOT_WRITABLE', error: messageOf(error) };
  return { reason: 'LAUNCH_FAILED', error: inWords(error) };
}
