import type { SessionEnvironment, UnifiedSession } from '../session/record.js';
import type { RunHooks } from './run-hooks.js';
import type { SessionFolder } from './session-folder.js';
import type { SessionSpec } from './session-spec.js';

/** One run to be launched. */
export interface RunRequest {
  readonly spec: SessionSpec;
  /** The current record. */
  readonly session: UnifiedSession;
  /** 1 for the first. */
  readonly run: number;
  readonly folder: SessionFolder;
  /** The user's words for this run. Absent for the first run, which gets the prompt. */
  readonly feedback: string | undefined;
  /** The id of Claude's conversation that the run continues. */
  readonly conversationId: string | undefined;
  /** The requests of the run to this process, if the executor can make the run ask. */
  readonly hooks: RunHooks;
  /**
   * Call this once, before anything is started, with what the record should say about the run. Resolves when that is on disk,
   * so that a later process can find what is started then. Rejects if it cannot be written.
   */
  readonly onPlaced: (placement: {
    containerName?: string;
    attachCommand?: string;
    environment?: Partial<SessionEnvironment>;
    /** What the agent may miss in its worktree, in sentences. */
    warnings?: readonly string[];
  }) => Promise<void>;
}
