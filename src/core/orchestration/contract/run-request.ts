import type { SessionEnvironment, UnifiedSession } from '../session/record.js';
import type { RunHooks } from './run-hooks.js';
import type { SessionFolder } from './session-folder.js';
import type { SessionSpec } from './session-spec.js';

/** One run to be launched. */
export interface RunRequest {
  readonly spec: SessionSpec;
  /** The record as it stands. */
  readonly session: UnifiedSession;
  /** 1 for the first. */
  readonly run: number;
  readonly folder: SessionFolder;
  /** The user's words for this run; absent for the first, which gets the prompt. */
  readonly feedback: string | undefined;
  /** Claude's conversation id to go on with. */
  readonly conversationId: string | undefined;
  /** What the run has to ask this host about, where the executor can make it ask. */
  readonly hooks: RunHooks;
  /**
   * To be called once, before anything is started, with what the record should tell about the run. Resolves when that
   * is on disk, so that another host can find what is started then; rejects where it cannot be written.
   */
  readonly onPlaced: (placement: {
    containerName?: string;
    attachCommand?: string;
    environment?: Partial<SessionEnvironment>;
  }) => Promise<void>;
}
