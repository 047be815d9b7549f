/** A manager of a service that has its login in a file of its own. Says whether a session could use it. */
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';

const manager = new UnifiedSessionManager({
  login: { envFile: '/etc/my-service/claude.env' }, // or { command: 'pass show claude' }
});

try {
  const { id } = await manager.create({ prompt: 'Say hello', cwd: process.argv[2] ?? '.' });
  console.log((await manager.waitFor(id)).result?.text);
} catch (error) {
  if (!(error instanceof OrchestrationError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
await manager.close();
