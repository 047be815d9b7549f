import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireGitRights } from '../../../../src/core/orchestration/docker/git-rights.js';
import { errorOf } from '../../../support/errors.js';
import { git, repository } from '../../../support/git.js';

const ROOT = { uid: 0, gid: 0, groups: [] };
const AGENT = { uid: 1234, gid: 1234, groups: [] as number[] };

/** A repository, and a worktree of it with the branch `tree`, that belong to the agent. */
function scene() {
  const repo = repository();
  git(repo, 'worktree', 'add', '--quiet', '-b', 'tree', `${repo}-tree`);
  const object = `objects/${git(repo, 'rev-parse', 'HEAD').slice(0, 2)}`;
  own(join(repo, '.git'));
  return { repo, object, at: (name: string) => join(repo, '.git', name) };
}

function own(folder: string): void {
  chownSync(folder, AGENT.uid, AGENT.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    chownSync(join(entry.parentPath, entry.name), AGENT.uid, AGENT.gid);
}

const check = (cwd: string, { user = AGENT, branch = undefined as string | undefined, own = ROOT } = {}) =>
  requireGitRights(cwd, user, branch, own);

describe.skipIf(process.getuid?.() !== 0)('the rights that git needs in a session', () => {
  it('a repository of the session user is taken, as a checkout and for a worktree', async () => {
    const { repo } = scene();
    await check(repo);
    await check(`${repo}-tree`);
    await check(repo, { branch: 'tree' });
    await check(repo, { branch: 'new' });
  });

  it.each(['objects', 'refs', 'refs/heads', 'OBJECT', '.', 'logs/HEAD', 'logs/refs/heads/main'])(
    'a part that belongs to root is refused with its path, its owner and the command that helps: %s',
    async (given) => {
      const { repo, object, at } = scene();
      const path = at(given.replace('OBJECT', object));
      chownSync(path, 0, 0);
      const { message } = await errorOf(check(repo), 'WORKSPACE_NOT_WRITABLE');
      expect(message).toContain(`"${path.replace(/\/\.$/, '')}", which belongs to 0:0`);
      expect(message).toContain(`sudo chown -R 1234:1234 '${repo}/.git'`);
    },
  );

  it('a part that is closed to its owner is refused with chmod', async () => {
    const { repo, at } = scene();
    chmodSync(at('objects'), 0o500);
    const { message } = await errorOf(check(repo), 'WORKSPACE_NOT_WRITABLE');
    expect(message).toContain(`(mode 500). Open it (for example: chmod -R u+rwX '${repo}/.git').`);
  });

  it('the git folder of an existing worktree is examined, by its path and by its branch', async () => {
    const { repo, at } = scene();
    chownSync(at('.'), 0, 0); // The agent of a worktree only reads the folder itself.
    await check(`${repo}-tree`);
    chownSync(at('worktrees/repository-tree'), 0, 0);
    await errorOf(check(`${repo}-tree`), 'WORKSPACE_NOT_WRITABLE');
    await errorOf(check(repo, { branch: 'tree' }), 'WORKSPACE_NOT_WRITABLE');
    await check(repo, { branch: 'new' });
  });

  it('a group that may write is enough, and a machine on which owners do not matter refuses nobody', async () => {
    const { repo } = scene();
    await check(repo);
    await errorOf(check(repo, { user: { uid: 7, gid: 7, groups: [] } }), 'WORKSPACE_NOT_WRITABLE');
    await requireGitRights(repo, undefined, undefined, ROOT);
    for (const entry of ['.', ...readdirSync(join(repo, '.git'), { recursive: true, encoding: 'utf8' })])
      chmodSync(join(repo, '.git', entry), 0o775);
    await check(repo, { user: { uid: 7, gid: 7, groups: [1234] } });
  });

  it('a file system that is read-only is named as the reason', async () => {
    const { repo } = scene();
    const { message } = await errorOf(
      requireGitRights(repo, AGENT, undefined, ROOT, async () => 'EROFS'),
      'WORKSPACE_NOT_WRITABLE',
    );
    expect(message).toMatch(/on a file system that is read-only/);
    expect(message).not.toContain('chown');
  });

  it.each(['logs', 'hooks'])('a file in the place of a folder is refused: %s', async (name) => {
    const { repo, at } = scene();
    rmSync(at(name), { recursive: true });
    writeFileSync(at(name), '');
    const { message } = await errorOf(check(repo), 'INVALID_OPTIONS');
    expect(message).toContain(`"${at(name)}" is no folder`);
  });

  it('a folder in the place of a file is refused, and a folder in no repository has no rights to examine', async () => {
    const { repo, at } = scene();
    mkdirSync(at('config.worktree'));
    expect((await errorOf(check(repo), 'INVALID_OPTIONS')).message).toContain('is no regular file');
    rmSync(join(repo, '.git'), { recursive: true });
    await check(repo);
  });
});
