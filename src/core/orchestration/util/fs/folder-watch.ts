import { type FSWatcher, watch } from 'node:fs';

export interface FolderWatchOptions {
  /**
   * How often the folder is scanned in addition to the watch, in milliseconds. Default never: the system's notifications are
   * enough.
   */
  pollMs?: number;
  /**
   * How often the folder is scanned if it cannot be watched, in milliseconds. The system has only a limited number of watches.
   */
  unwatchedPollMs: number;
}

/**
 * Reports changes in a folder, not in the folders below it. Like every watch of Node.js, the watch keeps the process alive. The
 * scans that replace a watch keep it alive, too. The scans in addition to a watch don't.
 *
 * @param onChange called with the name of the entry that has changed, or with null if anything may have changed, or nothing
 * @returns ends the watch; may be called more than once
 */
export function watchFolder(
  folder: string,
  onChange: (name: string | null) => void,
  { pollMs, unwatchedPollMs }: FolderWatchOptions,
): () => void {
  let watcher: FSWatcher | undefined;
  let poll: NodeJS.Timeout | undefined;
  let closed = false;
  const pollOnly = (): void => {
    watcher?.close();
    clearInterval(poll);
    if (!closed) poll = setInterval(() => onChange(null), unwatchedPollMs);
  };
  try {
    watcher = watch(folder, (_, name) => onChange(name));
    watcher.on('error', pollOnly);
    if (pollMs !== undefined) poll = setInterval(() => onChange(null), pollMs).unref();
  } catch {
    pollOnly();
  }
  return () => {
    closed = true;
    watcher?.close();
    clearInterval(poll);
  };
}
