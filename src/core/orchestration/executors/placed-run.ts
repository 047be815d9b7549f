import type { RunRequest } from '../contract/run-request.js';
import type { MailboxFiles } from '../mailbox/mailbox-files.js';
import type { SessionEnvironment } from '../session/record.js';

/** A run whose workspace is ready, with everything that an executor needs to start Claude there. */
export interface PlacedRun {
  readonly request: RunRequest;
  /** The folder on the machine that the agent gets as a whole: the worktree, the repository, or the workspace itself. */
  readonly mounted: string;
  /** The folder on the machine in which the agent begins: the mounted one, or a folder in it. */
  readonly workspace: string;
  /** What the record should say about the place of the run. */
  readonly environment: Partial<SessionEnvironment>;
  readonly files: MailboxFiles;
}
