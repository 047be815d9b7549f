/** Makes a plan, improves it with feedback, and starts a session that carries it out. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd = '.', goal = 'Make the parser twice as fast'] = process.argv.slice(2);
await using manager = new UnifiedSessionManager();

const { id } = await manager.create({ mode: 'planning', prompt: `Plan this: ${goal}`, cwd });
const first = await manager.waitFor(id);
console.log({ status: first.status, plan: first.result?.text });

await manager.continue(id, 'Say how you are going to test it, too.');
const { status, result } = await manager.waitFor(id);
console.log({ status, plan: result?.text });

if (result?.planFile !== undefined) {
  const child = await manager.create({ mode: 'autonomous', parentId: id, cwd });
  const done = await manager.waitFor(child.id);
  console.log({ status: done.status, text: done.result?.text });
}
