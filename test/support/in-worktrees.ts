import type { RunHandle, RunRequest } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript } from 'autonomous-orchestration/testing';
import { SessionWorktrees } from '../../src/core/orchestration/git/worktrees/session-worktrees.js';

/** Plays sessions in real worktrees. The script may change the files in `request.session.environment.worktree`. */
export class InWorktrees extends SimulatedExecutor {
  override readonly worktrees: SessionWorktrees;

  constructor(stateDir: string, script: SimulatedScript) {
    super(script);
    this.worktrees = new SessionWorktrees(stateDir);
  }

  override async launch(request: RunRequest): Promise<RunHandle> {
    const { id, cwd, worktree } = request.spec;
    if (!worktree) return super.launch(request);
    const { path, branch } = await this.worktrees.ensure(id, cwd, worktree);
    const environment = { worktree: path, branch };
    const onPlaced: RunRequest['onPlaced'] = (placement) => request.onPlaced({ ...placement, environment });
    const session = { ...request.session, environment: { ...request.session.environment, ...environment } };
    return super.launch({ ...request, session, onPlaced });
  }
}
