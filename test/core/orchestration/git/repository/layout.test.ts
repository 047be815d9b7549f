import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  branchIn,
  findGitLayout,
  gitLayoutAt,
  isKnown,
} from '../../../../../src/core/orchestration/git/repository/layout.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

describe('the git folders of a checkout', () => {
  it('the git folder of a plain repository is .git', async () => {
    const root = repository();
    const gitDir = join(root, '.git');
    expect(await gitLayoutAt(root)).toEqual({ root, gitDir, commonDir: gitDir });
  });

  it('a linked worktree has its own git folder and the common folder of its repository, as in git', async () => {
    const root = repository();
    const tree = `${root}-tree`;
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    const layout = await gitLayoutAt(tree);
    expect(layout).toEqual({
      root: tree,
      gitDir: git(tree, 'rev-parse', '--absolute-git-dir').trim(),
      commonDir: join(root, '.git'),
    });
    expect(layout?.gitDir).toBe(join(root, '.git/worktrees/repository-tree'));
  });

  it('the git folder of a submodule is inside the superproject, as in git', async () => {
    const root = repository();
    git(root, 'submodule', '--quiet', 'add', repository(), 'sub');
    const gitDir = git(join(root, 'sub'), 'rev-parse', '--absolute-git-dir').trim();
    expect(await gitLayoutAt(join(root, 'sub'))).toEqual({ root: join(root, 'sub'), gitDir, commonDir: gitDir });
  });

  it.each([
    ['outside a repository', () => tempFolder()],
    [
      'with a .git file without a path',
      () => {
        const folder = tempFolder();
        writeFileSync(join(folder, '.git'), 'nothing\n');
        return folder;
      },
    ],
  ])('no git folders are found %s', async (_, folderOf) => {
    expect(await gitLayoutAt(folderOf())).toBeUndefined();
  });

  it('git folders are found from a folder below the top, and through a link', async () => {
    const root = repository();
    mkdirSync(join(root, 'a/b'), { recursive: true });
    expect((await findGitLayout(join(root, 'a/b')))?.root).toBe(root);
    const link = join(tempFolder(), 'link');
    symlinkSync(root, link);
    expect((await gitLayoutAt(link))?.root).toBe(root);
    expect(await findGitLayout('/')).toBeUndefined();
  });
});

describe('the branch that is checked out', () => {
  it("the checked-out branch is read from the checkout's own HEAD", async () => {
    const root = repository();
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic/one', `${root}-tree`);
    expect(await branchIn(join(root, '.git'))).toBe('main');
    expect(await branchIn(join(root, '.git/worktrees/repository-tree'))).toBe('topic/one');
  });

  it('no branch is checked out if HEAD is detached or missing', async () => {
    const root = repository();
    git(root, 'checkout', '--quiet', '--detach');
    expect(await branchIn(join(root, '.git'))).toBeUndefined();
    expect(await branchIn(tempFolder())).toBeUndefined();
  });
});

describe('a checkout that its git folders know', () => {
  const known = async (root: string): Promise<boolean | undefined> => {
    const layout = await gitLayoutAt(root);
    return layout && isKnown(layout);
  };

  it('a repository, a submodule and a worktree, also with a relative path, are known by their git folders', async () => {
    const root = repository();
    git(root, 'worktree', 'add', '--quiet', `${root}-tree`);
    git(root, 'submodule', '--quiet', 'add', repository(), 'sub');
    expect(await known(root)).toBe(true);
    expect(await known(`${root}-tree`)).toBe(true);
    expect(await known(join(root, 'sub'))).toBe(true);
    writeFileSync(join(root, '.git/worktrees/repository-tree/gitdir'), '../../../../repository-tree/.git\n');
    expect(await known(`${root}-tree`)).toBe(true);
  });

  it('a folder whose `.git` file leads to the git folder of another checkout is not known', async () => {
    const root = repository();
    git(root, 'worktree', 'add', '--quiet', `${root}-tree`);
    const folder = tempFolder();
    for (const gitDir of ['.git', '.git/worktrees/repository-tree']) {
      writeFileSync(join(folder, '.git'), `gitdir: ${join(root, gitDir)}\n`);
      expect(await known(folder)).toBe(false);
    }
  });
});
