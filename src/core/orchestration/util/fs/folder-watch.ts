import { type FSWatcher, watch } from 'node:fs';

export interface FolderWatchOptions {
  /** Interval of looks beside the watch, in milliseconds. Default none: the system's notifications are enough. */
  pollMs?: number;
  /** Interval of looks where the folder cannot be watched, in milliseconds: the system has only so many watches to give. */
  unwatchedPollMs: number;
}

/**
 * Tells of changes in a folder, not in those below. Like every watch of Node.js it keeps the process alive, and so does
 * what stands in for it; the looks beside it don't.
 *
 * @param onChange told the name of what has changed; null where it may be anything, or nothing
 * @returns ends it; may be called more than once
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
