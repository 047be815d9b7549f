import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CreateSessionOptions } from 'autonomous-orchestration';
import { expect, it, onTestFinished } from 'vitest';
import { attempt, bash, casting, git as gitIn, repository, testManager } from './support.js';

const run = promisify(execFile);
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid';
const git = (cwd: string, ...args: string[]) => gitIn(cwd, '-c', 'safe.directory=*', ...args);

/** A repository of the image's user, with a folder, ignored files and a submodule. This process is root's. */
async function project(): Promise<string> {
  const library = await repository();
  const cwd = await repository();
  onTestFinished(async () => {
    const parent = join(cwd, '..');
    for (const name of await readdir(parent)) await rm(join(parent, name), { recursive: true, force: true });
  });
  await git(cwd, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'library');
  for (const folder of ['packages/a', 'node_modules/tool']) await mkdir(join(cwd, folder), { recursive: true });
  await writeFile(join(cwd, 'packages/a/index.js'), '');
  await writeFile(join(cwd, '.gitignore'), '.env\nnode_modules/\n');
  await git(cwd, 'add', '.');
  await git(cwd, 'commit', '--quiet', '--message', 'Second');
  await writeFile(join(cwd, '.env'), 'KEY=1\n');
  await writeFile(join(cwd, 'node_modules/tool/index.js'), '');
  await run('chown', ['-hR', '1000:1000', join(cwd, '..')]);
  return cwd;
}

/** What the agent sees when it begins. */
const LOOK = [
  'echo "key $(cat .env)"',
  'ls node_modules/tool library/README.md',
  'echo "state [$(git status --porcelain)]"',
  'echo "part [$(git rev-parse --show-prefix)]"',
].join('; ');

it('a worktree is ready when the agent begins, it belongs to the owner, and two managers do not share one', async () => {
  const cwd = await project();
  const { docker } = casting({
    Look: [bash(LOOK), { text: 'Seen.' }],
    Part: [
      bash(`echo "part [$(git rev-parse --show-prefix)]"; touch new; git add new; ${IDENTITY} commit -qm Part`),
      { text: 'Done.' },
    ],
    Hold: [bash('touch held; sleep 600')],
  });
  const [one, two] = await Promise.all([testManager({ maxConcurrent: 3 }), testManager()]);
  const base = { mode: 'worktree', docker } as const satisfies Partial<CreateSessionOptions>;
  const worktree = { branch: 'look', copy: ['.env', 'node_modules/'], submodules: true };
  const holding = new Promise<void>((resolve) => {
    one.manager.on('session:tool', ({ tool }) => void (JSON.stringify(tool.input).includes('held') && resolve()));
  });
  const [look, part, hold] = await Promise.all([
    one.manager.create({ ...base, cwd, prompt: 'Look', worktree }),
    one.manager.create({ ...base, cwd: join(cwd, 'packages/a'), prompt: 'Part', worktree: 'part' }),
    one.manager.create({ ...base, cwd, prompt: 'Hold', worktree: 'hold' }),
  ]);
  await holding;
  await expect(two.manager.create({ ...base, cwd, prompt: 'Look', worktree: 'hold' })).rejects.toMatchObject({
    code: 'WORKTREE_FAILED',
    message: expect.stringContaining(hold.id),
  });
  const [looked, parted] = await Promise.all([look, part].map(({ id }) => one.manager.waitFor(id)));
  const outputs = (id: string): string =>
    one.events
      .flatMap((event) => (event.type === 'session:tool-result' && event.sessionId === id ? event.output : []))
      .join();
  expect(outputs(look.id)).toContain('key KEY=1\nlibrary/README.md\n\nnode_modules/tool:\nindex.js\nstate []\npart []');
  expect(looked?.result?.changes).toMatchObject({ commits: 0, uncommitted: 0 });
  expect(outputs(part.id)).toContain('part [packages/a/]');
  expect(parted?.result?.changes).toMatchObject({ commits: 1, files: 1, uncommitted: 0 });

  await one.manager.removeWorktree(look.id);
  await one.manager.cancel(hold.id);
  const foreign = await run('find', [join(cwd, '..'), '!', '-uid', '1000']);
  expect(foreign.stdout).toBe('');
  // The owner goes on with git of its own.
  const next = await attempt('setpriv', [
    ...['--reuid', '1000', '--regid', '1000', '--clear-groups'],
    ...[
      'env',
      'HOME=/',
      'XDG_CONFIG_HOME=/',
      'git',
      '-C',
      cwd,
      'worktree',
      'remove',
      parted?.environment.worktree ?? '',
    ],
  ]);
  // Git itself removes no worktree of a repository with submodules without force.
  expect(next.stderr).toMatch(/^$|submodules/m);
});
