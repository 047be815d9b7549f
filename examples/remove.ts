/** Removes the sessions of a state folder that have ended, except those whose worktrees have work that would be lost. */
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';

await using manager = new UnifiedSessionManager({ stateDir: process.argv[2] ?? 'state' });
await manager.recover();

for (const { id, environment } of manager.list({ status: ['completed', 'failed', 'cancelled'] })) {
  try {
    await manager.remove(id);
    console.log('removed', id);
  } catch (error) {
    if (!(error instanceof OrchestrationError) || error.code !== 'WORKTREE_HAS_WORK') throw error;
    console.log('kept', id, environment.worktree);
  }
}
