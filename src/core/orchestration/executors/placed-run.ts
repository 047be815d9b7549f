import type { RunRequest } from '../contract/run-request.js';
import type { MailboxFiles } from '../mailbox/mailbox-files.js';
import type { SessionEnvironment } from '../session/record.js';

/** A run whose workspace is ready, with everything that an executor needs to start Claude there. */
export interface PlacedRun {
  readonly request: RunRequest;
  /** The path on the machine: of the worktree, or of the workspace itself. */
  readonly workspace: string;
  /** What the record should say about the place of the run. */
  readonly environment: Partial<SessionEnvironment>;
  readonly files: MailboxFiles;
}
