/** Three attempts at once, each on its own branch in its own worktree. The first attempt is then continued with feedback. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd = '.', user] = process.argv.slice(2);
await using manager = new UnifiedSessionManager({ docker: user === undefined ? {} : { user } });

const sessions = await Promise.all(
  ['attempt/one', 'attempt/two', 'attempt/three'].map((worktree) =>
    manager.create({ prompt: 'Speed up the parser and commit what you did', cwd, worktree, taskId: 'parser' }),
  ),
);
for (const { id } of sessions) {
  const { status, environment } = await manager.waitFor(id);
  console.log(status, environment.branch, environment.worktree);
}

const [first] = manager.list({ taskId: 'parser', status: 'completed' });
if (first) {
  await manager.continue(first.id, 'Add a benchmark that shows the gain');
  const { runs, result } = await manager.waitFor(first.id);
  console.log({ runs: runs.length, text: result?.text });
}
