/** How to handle the errors of `create()`. */
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';

const manager = new UnifiedSessionManager({ stateDir: process.argv[2] ?? 'state', maxConcurrent: 3, maxQueued: 10 });
try {
  await manager.create({ prompt: 'Tidy up', docker: { mounts: ['/:/host'] } });
} catch (error) {
  if (!(error instanceof OrchestrationError)) throw error;
  if (error.code === 'QUEUE_FULL') console.log('Later:', error.message);
  else console.log(`${error.code}: ${error.message}`);
} finally {
  await manager.close();
}
