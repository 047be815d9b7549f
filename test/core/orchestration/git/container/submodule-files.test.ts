import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitMounts, readOnlyGitMounts } from '../../../../../src/core/orchestration/git/container/mounts.js';
import { SessionGit } from '../../../../../src/core/orchestration/git/container/session-git.js';
import { mountableLayout } from '../../../../../src/core/orchestration/git/repository/usable-layout.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const RUN = '/run/autonomous-orchestration';
const UPDATE = ['submodule', '--quiet', 'update', '--init', '--recursive'];

/** A repository with a submodule `lib`, which has a submodule `deep/inner`, and a worktree in which git has initialised both. */
function scene() {
  const middle = repository();
  git(middle, 'submodule', '--quiet', 'add', repository(), 'deep/inner');
  git(middle, 'commit', '--quiet', '-m', 'Inner');
  const root = repository();
  git(root, 'submodule', '--quiet', 'add', '--name', 'a name', middle, 'lib');
  git(root, 'commit', '--quiet', '-m', 'Lib');
  git(root, ...UPDATE);
  const tree = join(tempFolder(), 'tree');
  git(root, 'worktree', 'add', '--quiet', tree);
  git(tree, ...UPDATE);
  return { root, tree };
}

/** The files of the session's own in a container at a place of a submodule, by place. */
async function files(checkout: string, mounts = gitMounts): Promise<Record<string, string>> {
  const folder = join(tempFolder(), 'git');
  const { all } = await mounts(await mountableLayout(checkout), new SessionGit(folder));
  const own = all.filter(({ source }) => source.startsWith(`${folder}/submodule-`));
  expect(own.every(({ readonly }) => readonly)).toBe(true);
  return Object.fromEntries(own.map(({ source, target }) => [target, readFileSync(source, 'utf8')]));
}

describe('the submodules that git itself has initialised', () => {
  it('in a worktree have pointers that fit the container, and no core.worktree', async () => {
    const { tree } = scene();
    const place = `${RUN}/git/worktrees/tree/modules/a name`;
    const inner = `${place}/modules/deep/inner`;
    git(join(tree, 'lib'), 'config', 'user.name', 'Somebody');
    const found = await files(tree);
    expect(found).toEqual({
      '/workspace/lib/.git': `gitdir: ${place}\n`,
      [`${place}/config`]: expect.stringContaining('Somebody'),
      '/workspace/lib/deep/inner/.git': `gitdir: ${inner}\n`,
      [`${inner}/config`]: expect.stringContaining('origin'),
    });
    expect(Object.values(found).join('')).not.toContain('worktree =');
  });

  it('the same in a worktree that may only be read', async () => {
    const { tree } = scene();
    const place = `${RUN}/repository/worktrees/tree/modules/a name`;
    expect(await files(tree, readOnlyGitMounts)).toMatchObject({
      '/workspace/lib/.git': `gitdir: ${place}\n`,
      '/workspace/lib/deep/inner/.git': `gitdir: ${place}/modules/deep/inner\n`,
    });
  });

  it('the same in a submodule, also in that of a worktree', async () => {
    const { root, tree } = scene();
    for (const top of [root, tree]) {
      const place = `${RUN}/git/worktrees/main-checkout/modules/deep/inner`;
      expect(await files(join(top, 'lib')), top).toEqual({
        '/workspace/deep/inner/.git': `gitdir: ${place}\n`,
        [`${place}/config`]: expect.not.stringContaining('worktree ='),
      });
    }
  });

  it('a core.worktree in config.worktree is left out as well', async () => {
    const { tree } = scene();
    git(join(tree, 'lib'), 'sparse-checkout', 'set', 'deep');
    const target = `${RUN}/git/worktrees/tree/modules/a name/config.worktree`;
    const found = await files(tree);
    expect(found[target]).toContain('sparsecheckout');
    expect(found[target]).not.toContain('worktree =');
  });

  it('in a plain repository need nothing, unless a pointer is absolute', async () => {
    const { root } = scene();
    expect(await files(root)).toEqual({});
    writeFileSync(join(root, 'lib/.git'), `gitdir: ${root}/.git/modules/a name\n`);
    expect(await files(root)).toMatchObject({ '/workspace/lib/.git': 'gitdir: /workspace/.git/modules/a name\n' });
  });

  it.each<[string, (tree: string, modules: string) => void]>([
    [
      'a pointer to another repository',
      (tree) => writeFileSync(join(tree, 'lib/.git'), `gitdir: ${repository()}/.git\n`),
    ],
    [
      "a pointer to the repository's own git folder",
      (tree, modules) => writeFileSync(join(tree, 'lib/.git'), `gitdir: ${modules}/..\n`),
    ],
    [
      'a link in the place of the git folder',
      (_, modules) => {
        rmSync(join(modules, 'a name'), { recursive: true });
        symlinkSync(join(repository(), '.git'), join(modules, 'a name'));
      },
    ],
    [
      'a link in the place of the folder',
      (tree) => {
        renameSync(join(tree, 'lib'), join(tree, 'moved'));
        symlinkSync('moved', join(tree, 'lib'));
      },
    ],
    [
      'a path that leaves the checkout',
      (tree) => {
        mkdirSync(join(tree, '../other'));
        renameSync(join(tree, 'lib/.git'), join(tree, '../other/.git'));
        writeFileSync(join(tree, '.gitmodules'), '[submodule "a name"]\n\tpath = ../other\n');
      },
    ],
    [
      'a path in a git folder',
      (tree) => writeFileSync(join(tree, '.gitmodules'), '[submodule "a name"]\n\tpath = lib/.git\n'),
    ],
  ])('nothing is mounted for %s, which an agent may have made', async (_, forge) => {
    const { root, tree } = scene();
    forge(tree, join(root, '.git/worktrees/tree/modules'));
    expect(await files(tree)).toEqual({});
  });
});
