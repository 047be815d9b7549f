/** Takes over the sessions of an earlier process, however it ended. After Ctrl-C the sessions continue: start it again. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd, prompt = 'Fix the failing test'] = process.argv.slice(2);
/** The values of variables are not kept on disk. A process that takes over a session has to give them again. */
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
