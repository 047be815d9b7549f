import type { RunRequest } from '../contract/run-request.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { SessionWorktrees } from '../git/worktrees/session-worktrees.js';
import { requireFolderIn } from '../git/worktrees/worktree-folder.js';
import type { Worktree } from '../git/worktrees/worktrees.js';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';
import { confined } from './placement.js';

/** The worktree of a run. No other session works in it until the run leaves it. */
export interface EnteredWorktree {
  readonly worktree: Worktree;
  leave(): Promise<void>;
  /** Leaves the worktree. Also removes what was made for this run. Never rejects. */
  undo(): Promise<void>;
}

/**
 * Finds or makes the worktree of a session, and enters it.
 *
 * @throws OrchestrationError `WORKTREE_FAILED`, `STATE_NOT_WRITABLE`; nothing is left behind
 */
export async function enterWorktree(
  worktrees: SessionWorktrees,
  spec: SessionSpec,
  request: SessionWorktreeRequest,
  cwd: string,
): Promise<EnteredWorktree> {
  const worktree = await worktrees.ensure(spec.id, cwd, confined(request, spec));
  let leave = async (): Promise<void> => {};
  const undo = async (): Promise<void> => {
    await leave();
    if (worktree.created) await worktrees.undo(spec.id, cwd, worktree).catch(() => {}); // The first error counts.
  };
  try {
    leave = await worktrees.enter(worktree.path, spec.id);
    await requireFolderIn(worktree.path, cwd);
    return { worktree, leave, undo };
  } catch (error) {
    await undo();
    throw error;
  }
}

/** A request whose record is also told what the agent may miss in its worktree. */
export function telling(request: RunRequest, entered: EnteredWorktree | undefined): RunRequest {
  const warnings = entered?.worktree.warnings ?? [];
  return { ...request, onPlaced: (placement) => request.onPlaced({ ...placement, warnings }) };
}
