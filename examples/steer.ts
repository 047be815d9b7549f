/** Sends a message to an agent while it works, and pauses it for a moment. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const manager = new UnifiedSessionManager();
const { id } = await manager.create({
  prompt: 'Install the dependencies and make the tests pass',
  cwd: process.argv[2] ?? '.',
  limits: { durationMs: 30 * 60_000, idleMs: 5 * 60_000, costUsd: 5 },
});

for await (const event of manager.events({ sessionId: id })) if (event.type === 'session:tool') break;
await manager.steer(id, 'This project uses pnpm, not npm.');

const { status } = await manager.pause(id);
console.log(status);
await manager.resume(id);

const ended = await manager.waitFor(id);
console.log({ status: ended.status, text: ended.result?.text });
await manager.close();
