import type { EndedRun } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { changesSince, currentCommit } from '../git/worktrees/worktree-changes.js';
import type { Worktree } from '../git/worktrees/worktrees.js';
import type { SessionEnvironment, SessionResult } from '../session/record.js';
import { UnattendedExecutor } from './unattended-executor.js';

/**
 * Runs Claude Code without a person at the keyboard, always in a worktree, and reports what the session changed there. If the
 * user names no branch, the branch is `session/<id>`.
 */
export class WorktreeExecutor extends UnattendedExecutor {
  readonly mode = 'worktree';

  protected override specFor(spec: SessionSpec): SessionSpec {
    return spec.worktree ? spec : { ...spec, worktree: { branch: `session/${spec.id}` } };
  }

  protected override async onFirstWorktree(worktree: Worktree): Promise<Partial<SessionEnvironment>> {
    return { base: await currentCommit(worktree.path) };
  }

  override async finalResult({ session }: EndedRun): Promise<Partial<SessionResult>> {
    const { worktree, branch, base } = session.environment;
    if (worktree === undefined || branch === undefined || base === undefined) return {};
    return { changes: await changesSince(worktree, branch, base) };
  }
}
