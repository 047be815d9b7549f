/** A process that takes over the sessions of its predecessor, however that ended. Ctrl-C does not end its sessions: start it again. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd, prompt = 'Fix the failing test'] = process.argv.slice(2);
/** Values of variables are not kept on disk: whoever takes a session over gives them again. */
const env = { GH_TOKEN: process.env.GH_TOKEN ?? '' };

const manager = new UnifiedSessionManager();
manager.on('session:tool', ({ tool, replayed = false }) => console.log({ tool: tool.name, replayed }));

const { adopted, closed, lost, requeued, skipped } = await manager.recover({ env: () => env });
console.log({ adopted, closed, lost, requeued, skipped });

const ids = [...adopted, ...closed, ...lost, ...requeued];
if (cwd !== undefined) ids.push((await manager.create({ prompt, cwd, docker: { env } })).id);
for (const id of ids) {
  const { status, result } = await manager.waitFor(id);
  console.log({ id, status, text: result?.text });
}
await manager.close();
