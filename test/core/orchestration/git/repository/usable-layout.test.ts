import { chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountableLayout, usableLayout } from '../../../../../src/core/orchestration/git/repository/usable-layout.js';
import { errorOf } from '../../../../support/errors.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** A repository with a checkout in which git works, and the folder that has the git folder, as git says. */
const LAYOUTS: readonly (readonly [string, (top: string) => string | undefined])[] = [
  ['a plain repository', (top) => top],
  ['a detached head', (top) => void git(top, 'checkout', '--quiet', '--detach')],
  ['a branch without commits', (top) => void git(top, 'checkout', '--quiet', '--orphan', 'new')],
  ['a linked worktree', (top) => worktreeOf(top)],
  [
    'a linked worktree with a relative pointer',
    (top) => {
      const tree = worktreeOf(top);
      writeFileSync(join(tree, '.git'), 'gitdir: ../repository/.git/worktrees/tree\n');
      return tree;
    },
  ],
  [
    'a linked worktree with relative pointers both ways (worktree.useRelativePaths)',
    (top) => {
      const tree = worktreeOf(top);
      writeFileSync(join(tree, '.git'), 'gitdir: ../repository/.git/worktrees/tree\n');
      writeFileSync(join(top, '.git/worktrees/tree/gitdir'), '../../../../tree/.git\n');
      return tree;
    },
  ],
  ['a submodule', (top) => submoduleOf(top)],
  [
    'a worktree of a submodule',
    (top) => {
      const tree = join(dirname(top), 'of-sub');
      git(submoduleOf(top), 'worktree', 'add', '--quiet', '-b', 'of-sub', tree);
      return tree;
    },
  ],
  [
    'a git folder elsewhere, which the user has confirmed (--separate-git-dir)',
    (top) => {
      separated(top, join(dirname(top), 'elsewhere.git'));
      git(top, 'config', 'core.worktree', top);
      return top;
    },
  ],
  [
    'the same with a relative path in quotes',
    (top) => {
      const gitDir = join(dirname(top), 'elsewhere.git');
      separated(top, gitDir);
      writeFileSync(join(gitDir, 'config'), '[Core]\n\tbare = no\n\tWorkTree = "../"repository ; back\n');
      return top;
    },
  ],
  ['a git folder inside the checkout', (top) => void separated(top, join(top, '.data'))],
  [
    'a worktree of a bare repository',
    (top) => {
      const hub = join(dirname(top), 'hub.git');
      git(top, 'clone', '--quiet', '--bare', top, hub);
      git(hub, 'worktree', 'add', '--quiet', '-b', 'tree', join(hub, 'tree'));
      return join(hub, 'tree');
    },
  ],
  [
    'a worktree beside the bare repository to which a .git file leads',
    (top) => {
      const hub = bareHub(top);
      git(hub, 'worktree', 'add', '--quiet', '-b', 'tree', join(hub, 'tree'));
      return join(hub, 'tree');
    },
  ],
  ['a core.worktree that leads to the checkout itself', (top) => void git(top, 'config', 'core.worktree', top)],
  [
    'a shallow clone',
    (top) => {
      const clone = join(dirname(top), 'clone');
      git(top, 'clone', '--quiet', '--depth', '1', `file://${top}`, clone);
      return clone;
    },
  ],
  [
    'a path with anything in it',
    (top) => {
      const path = join(dirname(top), '-a b,"c\'\u00fc:\n');
      renameSync(top, path);
      return path;
    },
  ],
];

function worktreeOf(top: string): string {
  const tree = join(dirname(top), 'tree');
  git(top, 'worktree', 'add', '--quiet', '-b', 'tree', tree);
  return tree;
}

function submoduleOf(top: string): string {
  git(top, 'submodule', '--quiet', 'add', repository(), 'sub');
  return join(top, 'sub');
}

function separated(top: string, gitDir: string): void {
  renameSync(join(top, '.git'), gitDir);
  writeFileSync(join(top, '.git'), `gitdir: ${gitDir}\n`);
}

function bareHub(top: string): string {
  const hub = join(dirname(top), 'hub');
  git(top, 'clone', '--quiet', '--bare', top, join(hub, '.bare'));
  writeFileSync(join(hub, '.git'), 'gitdir: ./.bare\n');
  return hub;
}

describe('a repository in which git can work', () => {
  it.each(LAYOUTS)('is found in %s and in a folder of it, as git finds it', async (_, make) => {
    const given = repository();
    const top = make(given) ?? given;
    const gitDir = git(top, 'rev-parse', '--absolute-git-dir').replace(/\n$/, '');
    const found = await usableLayout(top, true);
    expect(found).toMatchObject({ root: top, gitDir });
    expect(await mountableLayout(top)).toEqual(found);
    mkdirSync(join(top, 'a/b'), { recursive: true });
    expect(await usableLayout(join(top, 'a/b'), true)).toEqual(found);
  });

  it('is not found outside of one', async () => {
    expect(await usableLayout(tempFolder(), true)).toBeUndefined();
    expect(await mountableLayout(tempFolder())).toBeUndefined();
  });

  it('may be bare if the session gets a worktree', async () => {
    const top = repository();
    const hub = bareHub(top);
    const bare = join(hub, '.bare');
    expect(await usableLayout(hub, false)).toEqual({ root: hub, gitDir: bare, commonDir: bare });
    expect(await usableLayout(bare, false)).toEqual({ root: bare, gitDir: bare, commonDir: bare });
  });
});

describe('a repository in which git could not work', () => {
  it.each<[string, string, (top: string) => string | undefined]>([
    [
      'a .git that is a link',
      'is a link',
      (top) => {
        renameSync(join(top, '.git'), `${top}.git`);
        symlinkSync(`${top}.git`, join(top, '.git'));
        return top;
      },
    ],
    [
      'a .git file that leads to the repository of another checkout',
      'does not lead back',
      (top) => {
        const folder = tempFolder();
        writeFileSync(join(folder, '.git'), `gitdir: ${top}/.git\n`);
        return folder;
      },
    ],
    [
      'a git folder elsewhere that nobody has confirmed',
      'config core.worktree',
      (top) => {
        separated(top, `${top}.git`);
        return top;
      },
    ],
    [
      'a clone that borrows the objects of another repository',
      'borrows objects',
      (top) => {
        const clone = join(tempFolder(), 'clone');
        git(top, 'clone', '--quiet', '--shared', top, clone);
        return clone;
      },
    ],
    [
      'a worktree that was moved',
      'worktree repair',
      (top) => {
        const tree = worktreeOf(top);
        renameSync(tree, `${tree}-moved`);
        return `${tree}-moved`;
      },
    ],
    [
      'a .git file that leads nowhere',
      'no git repository',
      (top) => {
        rmSync(join(top, '.git'), { recursive: true });
        writeFileSync(join(top, '.git'), 'gitdir: /nowhere\n');
        return top;
      },
    ],
    [
      'a .git file with another text',
      'neither a git folder',
      (top) => {
        rmSync(join(top, '.git'), { recursive: true });
        writeFileSync(join(top, '.git'), 'nothing\n');
        return top;
      },
    ],
    [
      'an empty .git folder',
      'no git repository',
      (top) => {
        rmSync(join(top, '.git'), { recursive: true });
        mkdirSync(join(top, '.git'));
        return top;
      },
    ],
    ['a bare repository', 'bare repository', (top) => join(bareHub(top), '.bare')],
    ['a folder with a .git file that leads to a bare repository', 'bare repository', bareHub],
    [
      'a folder beside a bare repository',
      'beside the bare repository',
      (top) => {
        const folder = join(bareHub(top), 'docs');
        mkdirSync(folder);
        return folder;
      },
    ],
    ['a git folder', 'lies in the git folder', (top) => join(top, '.git')],
    ['a folder in a git folder', 'lies in the git folder', (top) => join(top, '.git/hooks')],
    [
      'a core.worktree that leads elsewhere',
      'core.worktree',
      (top) => void git(top, 'config', 'core.worktree', '../..'),
    ],
    [
      'another storage of branches',
      'refs migrate',
      (top) => {
        git(top, 'config', 'core.repositoryFormatVersion', '1');
        git(top, 'config', 'extensions.refStorage', 'reftable');
        return top;
      },
    ],
    [
      'a configuration that git refuses',
      'git cannot read',
      (top) => void writeFileSync(join(top, '.git/config'), '[core'),
    ],
    [
      'a submodule whose git folder is elsewhere',
      'which a container does not get',
      (top) => {
        const sub = submoduleOf(top);
        const tree = join(tempFolder(), 'tree');
        git(top, 'commit', '--quiet', '--message', 'Sub');
        git(top, 'worktree', 'add', '--quiet', tree);
        git(sub, 'worktree', 'add', '--quiet', '--detach', join(tree, 'sub'));
        return tree;
      },
    ],
  ])('is refused with the reason: %s', async (_, reason, make) => {
    const given = repository();
    const folder = make(given) ?? given;
    const { message } = await errorOf(usableLayout(folder, true), 'INVALID_OPTIONS');
    expect(message).toContain(reason);
  });
});

type Damage = readonly [string, string, (gitDir: string) => void, worksForWorktrees?: boolean];

/** What git could not read in a container. The last item says if the session may get a worktree of its own all the same. */
const DAMAGES: readonly Damage[] = [
  ...['config', 'objects', 'refs', 'packed-refs', 'logs'].map(
    (part): Damage => [`${part} is a link`, `/${part}" is a link`, (gitDir) => linked(gitDir, part)],
  ),
  ['hooks is a link', '/hooks" is a link', (gitDir) => linked(gitDir, 'hooks'), true],
  [
    'commondir leads elsewhere',
    'commondir',
    (gitDir) => writeFileSync(join(gitDir, 'commondir'), `${repository()}/.git\n`),
  ],
  ['its format is newer', 'repositoryFormatVersion', (gitDir) => configure(gitDir, 'repositoryformatversion = 99')],
  [
    'it needs an unknown extension',
    'extensions.foo',
    (gitDir) => configure(gitDir, 'repositoryformatversion = 1\n[extensions]\n\tfoo = true'),
  ],
  ['HEAD has another text', 'HEAD', (gitDir) => writeFileSync(join(gitDir, 'HEAD'), 'junk\n')],
  ['HEAD is empty', 'HEAD', (gitDir) => writeFileSync(join(gitDir, 'HEAD'), '')],
  ['packed-refs has another text', '"junk"', (gitDir) => writeFileSync(join(gitDir, 'packed-refs'), 'junk\n')],
  ['the index has another text', '/index"', (gitDir) => writeFileSync(join(gitDir, 'index'), 'junk\n')],
];

describe('a repository that git could not read in a container', () => {
  it.each(DAMAGES.map((each) => ({ name: each[0], each })))('is refused: $name', async ({ each }) => {
    const [, reason, damage, worksForWorktrees = false] = each;
    const top = repository();
    damage(join(top, '.git'));
    const { message } = await errorOf(usableLayout(top, true), 'INVALID_OPTIONS');
    expect(message).toContain(reason);
    const worktree = usableLayout(top, false).then(() => true);
    expect(await worktree.catch(() => false)).toBe(worksForWorktrees);
  });

  it('is refused if it is that of a worktree', async () => {
    const top = repository();
    const tree = worktreeOf(top);
    writeFileSync(join(top, '.git/worktrees/tree/HEAD'), 'junk\n');
    expect((await errorOf(usableLayout(tree, true), 'INVALID_OPTIONS')).message).toContain('worktrees/tree/HEAD');
    expect(await usableLayout(top, true)).toMatchObject({ root: top });
  });

  it.each<[string, (top: string) => void]>([
    ['packed refs, with a tag', (top) => [git(top, 'tag', '-am', 'x', 'v1'), git(top, 'pack-refs', '--all')]],
    ['another version of the index', (top) => git(top, 'update-index', '--index-version', '4')],
    ['no index', (top) => rmSync(join(top, '.git/index'))],
    ['HEAD as a link, as old releases of git made it', (top) => headLink(top)],
    ['an unknown extension that git takes no notice of', (top) => git(top, 'config', 'extensions.foo', 'true')],
    ['configurations for worktrees', (top) => git(top, 'sparse-checkout', 'init')],
  ])('does not mean: %s', async (_, make) => {
    const top = repository();
    make(top);
    git(top, 'status');
    expect(await usableLayout(top, true)).toMatchObject({ root: top });
  });
});

function linked(gitDir: string, part: string): void {
  const elsewhere = join(tempFolder(), 'elsewhere');
  git(dirname(gitDir), 'pack-refs', '--all');
  renameSync(join(gitDir, part), elsewhere);
  symlinkSync(elsewhere, join(gitDir, part));
}

function configure(gitDir: string, text: string): void {
  writeFileSync(join(gitDir, 'config'), `[core]\n\t${text}\n`);
}

function headLink(top: string): void {
  rmSync(join(top, '.git/HEAD'));
  symlinkSync('refs/heads/main', join(top, '.git/HEAD'));
}

describe.runIf(process.getuid?.() === 0)("a repository around a session's folder", () => {
  const around = (top: number, entry: number, own: number): string => {
    const folder = repository();
    const cwd = join(folder, 'sub');
    mkdirSync(cwd);
    chownSync(folder, top, top);
    chownSync(join(folder, '.git'), entry, entry);
    chownSync(cwd, own, own);
    return cwd;
  };

  it.each([
    ['the folder', 4321, 1234],
    ['the .git', 1234, 4321],
    ['the folder, with a .git of root', 4321, 0],
  ])('a repository above the folder is refused if %s belongs to somebody else', async (_, top, entry) => {
    const cwd = around(top, entry, 1234);
    const { message } = await errorOf(usableLayout(cwd, true), 'INVALID_OPTIONS');
    for (const word of [dirname(cwd), 'uid 4321', 'uid 1234', 'git init']) expect(message).toContain(word);
    git(cwd, 'init', '--quiet');
    expect(await usableLayout(cwd, true)).toMatchObject({ root: cwd });
  });

  it.each([
    ['the owner of the folder', 1234],
    ['the user of this process', 0],
  ])('a repository above the folder is used if it belongs to %s', async (_, owner) => {
    const cwd = around(owner, owner, 1234);
    expect(await usableLayout(cwd, true)).toMatchObject({ root: dirname(cwd) });
  });
});

it('a plain repository without its objects is not told to repair a worktree', async () => {
  const repo = repository();
  rmSync(join(repo, '.git/objects'), { recursive: true });
  const { message } = await errorOf(usableLayout(repo, true), 'INVALID_OPTIONS');
  expect(message).toContain('has to come from a copy or a new clone');
  expect(message).not.toContain('worktree repair');
});
