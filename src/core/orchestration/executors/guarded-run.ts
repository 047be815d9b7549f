import type { RunHandle } from '../contract/run-handle.js';
import type { Mailbox } from '../mailbox/mailbox.js';
import type { MailboxFiles } from '../mailbox/mailbox-files.js';

type Leave = () => Promise<void>;

/** A run that leaves its worktree when it ends. Whoever hears of its end can enter the worktree. */
export function leaving(handle: RunHandle, leave: Leave): RunHandle {
  let left: Promise<void> | undefined;
  const ended = handle.ended.then(async (end) => {
    left = leave();
    await left;
    return end;
  });
  return {
    ...handle,
    ended,
    async release() {
      await handle.release?.();
      await left; // Nobody waits for the end of a run that cannot be watched.
    },
  };
}

/**
 * Adds the guard to a run. When the run ends or this process detaches from it, the channel is closed. When the run ends, the
 * session also leaves its worktree. When the run is released, the guard's files are removed.
 */
export function guarded(handle: RunHandle, files: MailboxFiles, channel: Mailbox, leave: Leave): RunHandle {
  let detached = false;
  void handle.ended.then(() => channel.close());
  const own = leaving(handle, leave);
  return {
    ...own,
    hasHookReport: () => channel.hasReport(),
    detach() {
      detached = true;
      channel.close();
      return handle.detach();
    },
    async release() {
      await own.release?.();
      if (!detached) await files.remove().catch(() => {}); // If this fails, a later sweep finds the files.
    },
  };
}
