/** Removes the sessions of a state folder that have ended, except those whose worktrees have work that would be lost. */
import { OrchestrationError, openSessions } from 'autonomous-orchestration';

await using sessions = await openSessions({ stateDir: process.argv[2] ?? 'state' });

for (const { id, environment } of sessions.list({ status: ['completed', 'failed', 'cancelled'] })) {
  try {
    await sessions.remove(id);
    console.log('removed', id);
  } catch (error) {
    if (!(error instanceof OrchestrationError) || error.code !== 'WORKTREE_HAS_WORK') throw error;
    console.log('kept', id, environment.worktree);
  }
}
