import { dirname } from 'node:path';
import { deferred } from '../deferred.js';
import { systemCode } from '../errors.js';
import { watchFolder } from './folder-watch.js';

/** How often we look for the file even if the system reports no change: a notification may get lost. */
const POLL_MS = 1_000;
/** How often we look for the file while its folder is missing, too, or cannot be watched. */
const POLL_WITHOUT_WATCH_MS = 100;

/**
 * Opens a file that may not exist yet. If it is missing, waits until it is there.
 *
 * @param open fails with `ENOENT` while the file is missing
 * @returns undefined if the signal is aborted before the file is there
 * @throws what `open` throws, except `ENOENT`
 */
export async function openWhenThere<T>(
  path: string,
  open: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  let changed = deferred<void>();
  const change = (): void => changed.resolve();
  const stopWatching = watchFolder(dirname(path), change, {
    pollMs: POLL_MS,
    unwatchedPollMs: POLL_WITHOUT_WATCH_MS,
  });
  const stop = (): void => {
    stopWatching();
    change();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (!signal.aborted) {
      changed = deferred(); // Made before the attempt, so that a change during the attempt counts.
      try {
        return await open();
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
      await changed.promise;
    }
    return undefined;
  } finally {
    signal.removeEventListener('abort', stop);
    stopWatching();
  }
}
