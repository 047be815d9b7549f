import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RunRequest } from 'autonomous-orchestration';
import { answer } from './child.js';
import { LogExecutor } from './log-executor.js';
import { privateManager } from './private-manager.js';

/**
 * Has a running session in a state folder whose guard was asked about every call of a log, in the log's order. The answer is the
 * path of the session's folder. Then the process ends without closing its manager, so that another process can take the session over.
 */
const [stateDir = '', log = ''] = process.argv.slice(2);
let hooks: RunRequest['hooks'] | undefined;
let folder = '';
const executor = new LogExecutor(async (_, request) => {
  hooks = request.hooks;
  folder = request.folder.path;
  return { ended: new Promise(() => {}), hooked: true };
});
const manager = privateManager({ stateDir, executors: { autonomous: executor } });
const { id } = await manager.create({ prompt: 'Read the log.', cwd: stateDir, docker: false });
await manager.waitFor(id, { status: 'running' });
for await (const line of createInterface({ input: createReadStream(log) })) {
  if (!line.includes('"tool_use"')) continue;
  for (const { type, id: toolUseId, name: tool, input } of JSON.parse(line).message.content)
    if (type === 'tool_use') await hooks?.beforeTool({ toolUseId, tool, input });
}
if (!process.send) process.exit(0);
answer(folder);
process.once('disconnect', () => process.exit(0));
