/** Two sessions, one after the other, each in a worktree with its dependencies. The second one finds the packages in the cache. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd = '.', install = 'npm ci', user] = process.argv.slice(2);
await using manager = new UnifiedSessionManager({
  docker: user === undefined ? {} : { user },
  setup: [{ run: install, timeoutMs: 300_000 }],
  caches: ['npm'],
});
manager.on('session:setup', ({ state, run, text, exitCode }) => console.log({ state, run, text, exitCode }));

for (const worktree of ['ready/one', 'ready/two']) {
  const { id } = await manager.create({ prompt: 'Run the tests and mend what fails', cwd, worktree });
  const { status, result } = await manager.waitFor(id);
  console.log(status, result?.reason);
}
