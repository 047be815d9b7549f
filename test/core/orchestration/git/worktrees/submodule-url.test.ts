import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wholeUrl } from '../../../../../src/core/orchestration/git/worktrees/submodule-url.js';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';

const ADDRESSES = [
  ['https://host.invalid/team/repo.git', '../other.git'],
  ['https://host.invalid/team/repo', './below'],
  ['https://host.invalid/team/repo.git/', '../../else/other'],
  ['git@host.invalid:team/repo.git', '../other.git/'],
  ['git@host.invalid:repo.git', '../other.git'],
  ['/srv/git/repo.git', '.././../x'],
  ['https://host.invalid/team/repo.git', 'https://elsewhere.invalid/other.git'],
] as const;

/** A repository with a submodule `sub`, which has a submodule `inner` if that has an address. */
function scene(remote: string | undefined, url: string, innerUrl?: string): string {
  const middle = repository();
  if (innerUrl !== undefined) {
    git(middle, 'submodule', '--quiet', 'add', repository(), 'inner');
    git(middle, 'config', '--file', '.gitmodules', 'submodule.inner.url', innerUrl);
    git(middle, 'commit', '--quiet', '--all', '-m', 'Inner');
  }
  const repo = repository();
  if (remote !== undefined) git(repo, 'remote', 'add', 'origin', remote);
  git(repo, 'submodule', '--quiet', 'add', middle, 'sub');
  if (innerUrl !== undefined) {
    git(join(repo, 'sub'), 'config', 'submodule.inner.url', join(middle, 'inner'));
    git(repo, 'submodule', '--quiet', 'update', '--init', '--recursive');
  }
  git(repo, 'config', '--file', '.gitmodules', 'submodule.sub.url', url);
  git(repo, 'commit', '--quiet', '--all', '-m', 'Sub');
  return repo;
}

const origin = (folder: string): string => git(folder, 'config', 'remote.origin.url').trim();

describe('the address of a submodule', () => {
  it.each(ADDRESSES)('is made as git makes it: in %s, %s', (remote, url) => {
    const repo = repository();
    git(repo, 'remote', 'add', 'origin', remote);
    writeFileSync(join(repo, '.gitmodules'), `[submodule "sub"]\n\tpath = sub\n\turl = ${url}\n`);
    git(repo, 'update-index', '--add', '--cacheinfo', `160000,${git(repo, 'rev-parse', 'HEAD').trim()},sub`);
    git(repo, 'submodule', '--quiet', 'init');
    expect(wholeUrl(remote, url)).toBe(git(repo, 'config', 'submodule.sub.url').trim());
  });

  it('that leads out of the one around it is none', () => {
    expect(wholeUrl('host', '../other.git')).toBeUndefined();
  });

  it('that is relative becomes the origin of a submodule in a new worktree, and of submodules of submodules', async () => {
    const repo = scene('git@host.invalid:team/repo.git', '../libs/sub.git', '../inner.git');
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', submodules: 'recursive' });
    expect(warnings).toBeUndefined();
    expect(origin(join(path, 'sub'))).toBe('git@host.invalid:team/libs/sub.git');
    expect(origin(join(path, 'sub/inner'))).toBe('git@host.invalid:team/libs/inner.git');
  });

  it.each([undefined, '/srv/git/repo.git'])(
    'that is relative to a folder (%s) is left out with a warning',
    async (remote) => {
      const repo = scene(remote, '../other.git');
      const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', submodules: true });
      expect(warnings).toEqual([expect.stringMatching(/"sub" has no remote: .*"\.\.\/other\.git" leads to "\//)]);
      expect(() => origin(join(path, 'sub'))).toThrow();
    },
  );
});
