import type { RunHandle } from '../contract/run-handle.js';
import type { Mailbox } from '../mailbox/mailbox.js';
import type { MailboxFiles } from '../mailbox/mailbox-files.js';

/** A run that leaves its worktree when it ends. */
export function leaving(handle: RunHandle, leave: () => void): RunHandle {
  void handle.ended.then(leave);
  return handle;
}

/**
 * Adds the guard to a run. When the run ends or this process detaches from it, the channel is closed. When the run ends, the
 * session also leaves its worktree. When the run is released, the guard's files are removed.
 */
export function guarded(handle: RunHandle, files: MailboxFiles, channel: Mailbox, leave: () => void): RunHandle {
  void handle.ended.then(() => channel.close());
  return {
    ...leaving(handle, leave),
    hasHookReport: () => channel.hasReport(),
    detach() {
      channel.close();
      return handle.detach();
    },
    async release() {
      await handle.release();
      await files.remove().catch(() => {}); // If this fails, a later sweep finds the files.
    },
  };
}
