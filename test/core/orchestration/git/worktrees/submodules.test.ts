import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lendIndex, withGitView } from '../../../../../src/core/orchestration/git/repository/view.js';
import { CopyBudget, type CopyLimits } from '../../../../../src/core/orchestration/git/worktrees/copy-budget.js';
import { uncommittedWork } from '../../../../../src/core/orchestration/git/worktrees/lost-work.js';
import { submodulesWithWork } from '../../../../../src/core/orchestration/git/worktrees/submodule-work.js';
import { initSubmodules } from '../../../../../src/core/orchestration/git/worktrees/submodules.js';
import { changesSince, currentCommit } from '../../../../../src/core/orchestration/git/worktrees/worktree-changes.js';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { BoundedSearch } from '../../../../../src/core/orchestration/util/fs/bounded-search.js';
import { git, repository } from '../../../../support/git.js';

/** A repository with a submodule `sub`, which has a submodule `inner`. */
function scene() {
  const inner = repository();
  const middle = repository();
  git(middle, 'submodule', '--quiet', 'add', inner, 'inner');
  git(middle, 'commit', '--quiet', '-m', 'Inner');
  const repo = repository();
  git(repo, 'submodule', '--quiet', 'add', '--name', 'a name', middle, 'sub');
  git(repo, 'commit', '--quiet', '-m', 'Sub');
  git(repo, 'submodule', '--quiet', 'update', '--init', '--recursive');
  return { repo, middle };
}

const made = async (submodules?: boolean | 'recursive') => {
  const { repo, middle } = scene();
  const made = await new Worktrees().ensure(repo, { branch: 'one', ...(submodules !== undefined && { submodules }) });
  return { ...made, repo, middle };
};

describe('the submodules of a new worktree', () => {
  it('the submodules are empty unless they are asked for, and that is no work', async () => {
    const { path, warnings } = await made();
    expect([existsSync(join(path, 'sub/file.txt')), warnings]).toEqual([false, undefined]);
    expect(await uncommittedWork(path)).toBe(false);
  });

  it('the submodules are checked out without the repositories that they come from', async () => {
    const { repo, middle } = scene();
    rmSync(middle, { recursive: true });
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', submodules: true });
    expect(warnings).toBeUndefined();
    expect(readFileSync(join(path, 'sub/file.txt'), 'utf8')).toBe('content\n');
    expect(existsSync(join(path, 'sub/inner/file.txt'))).toBe(false);
    expect([git(path, 'status', '--porcelain'), git(join(path, 'sub'), 'status', '--porcelain')]).toEqual(['', '']);
    expect(git(join(path, 'sub'), 'fsck', '--no-dangling')).toBe('');
    expect(await uncommittedWork(path)).toBe(false);
  });

  it("'recursive' also checks out the submodules of submodules", async () => {
    const { path } = await made('recursive');
    expect(readFileSync(join(path, 'sub/inner/file.txt'), 'utf8')).toBe('content\n');
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(await uncommittedWork(path)).toBe(false);
  });

  it('a submodule that the repository does not have stays empty, and a warning says what to do', async () => {
    const { repo } = scene();
    rmSync(join(repo, '.git/modules'), { recursive: true });
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', submodules: true });
    expect(warnings).toEqual([expect.stringContaining('git submodule update --init')]);
    expect(await uncommittedWork(path)).toBe(false);
  });

  it('the configuration of a submodule, its hooks and what it borrows are not used', async () => {
    const { repo } = scene();
    const module = join(repo, '.git/modules/a name');
    const trace = join(repo, '../ran');
    git(join(repo, 'sub'), 'config', 'core.fsmonitor', `touch ${trace}`);
    git(join(repo, 'sub'), 'config', 'filter.x.smudge', `touch ${trace}; cat`);
    mkdirSync(join(module, 'info'), { recursive: true });
    writeFileSync(join(module, 'info/attributes'), '* filter=x\n');
    mkdirSync(join(module, 'hooks'), { recursive: true });
    writeFileSync(join(module, 'hooks/post-checkout'), `#!/bin/sh\ntouch ${trace}\n`);
    chmodSync(join(module, 'hooks/post-checkout'), 0o755);
    writeFileSync(join(module, 'objects/info/alternates'), `${join(repo, '.git/objects')}\n`);
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', submodules: true });
    const own = join(repo, '.git/worktrees/repository-one/modules/a name');
    expect(readFileSync(join(own, 'config'), 'utf8')).not.toMatch(/fsmonitor|filter/);
    expect([existsSync(join(own, 'objects/info/alternates')), existsSync(join(own, 'hooks'))]).toEqual([false, false]);
    git(path, 'status');
    expect(existsSync(trace)).toBe(false);
  });

  it.each(['../../../outside', '/outside', 'a/../../b', '.'])(
    'a submodule with the name %s is not made',
    async (name) => {
      const { repo } = scene();
      const text = readFileSync(join(repo, '.gitmodules'), 'utf8').replace('a name', name);
      writeFileSync(join(repo, '.gitmodules'), text);
      git(repo, 'commit', '--quiet', '-am', 'Name');
      const { warnings } = await new Worktrees().ensure(repo, { branch: 'one', submodules: true });
      expect(warnings).toEqual([expect.stringContaining('.gitmodules does not have it')]);
    },
  );
});

describe('a repository with more submodules than can be looked at', () => {
  /** A checkout that is out of the reach of agents, with an empty folder for its submodule. */
  const init = (repo: string, checkout: string, limits: Partial<CopyLimits>): Promise<string[]> =>
    withGitView(repo, async (view) => {
      await lendIndex(view);
      const budget = new CopyBudget({ files: 10_000, bytes: 10 ** 9, durationMs: 10 ** 6, ...limits });
      return initSubmodules(view, { folder: checkout, gitDir: join(checkout, '.git') }, true, budget);
    });

  it('the limits for copies hold for all submodules together', async () => {
    const { repo } = scene();
    const clone = (name: string): string => {
      git('/', 'clone', '--quiet', repo, `${repo}-${name}`);
      return `${repo}-${name}`;
    };
    const objects = readdirSync(join(repo, '.git/modules/a name/objects'), { recursive: true, encoding: 'utf8' });
    const files = objects.filter((name) => !name.startsWith('info')).length;
    expect(await init(repo, clone('two'), {})).toEqual([]);
    expect(await init(repo, clone('one'), { files })).toEqual([
      expect.stringMatching(`"inner" is empty: .* more than ${files} files`),
    ]);
  });

  it('those that are not examined count as work', async () => {
    const { path } = await made('recursive');
    const worked = (repositories: number): Promise<string[]> =>
      withGitView(path, async (view) => {
        await lendIndex(view);
        return submodulesWithWork(view, new BoundedSearch({ repositories, entries: 0, durationMs: 10 ** 6 }));
      });
    expect([await worked(2), await worked(1)]).toEqual([[], ['sub']]);
  });
});

describe('work in a submodule', () => {
  it.each<[string, (sub: string, path: string) => void]>([
    ['a changed file', (sub) => writeFileSync(join(sub, 'file.txt'), 'changed\n')],
    ['a new file', (sub) => writeFileSync(join(sub, 'new.txt'), '')],
    [
      'a commit',
      (sub) => {
        git(sub, 'commit', '--quiet', '--allow-empty', '-m', 'Work');
      },
    ],
    [
      'a commit on a branch that is not checked out',
      (sub) => {
        git(sub, 'switch', '--quiet', '-c', 'topic');
        git(sub, 'commit', '--quiet', '--allow-empty', '-m', 'Work');
        git(sub, 'checkout', '--quiet', '--detach', 'HEAD~1');
      },
    ],
    [
      'a stash',
      (sub) => {
        writeFileSync(join(sub, 'file.txt'), 'changed\n');
        git(sub, 'stash', '--quiet');
      },
    ],
    ['a file in the submodule of the submodule', (sub) => writeFileSync(join(sub, 'inner/new.txt'), '')],
    [
      'another repository in its place',
      (sub) => {
        rmSync(join(sub, '.git'));
        git(sub, 'init', '--quiet');
      },
    ],
    ['files without a repository', (sub) => rmSync(join(sub, '.git'))],
    [
      'a link in its place',
      (sub, path) => {
        rmSync(sub, { recursive: true });
        symlinkSync(join(path, '..'), sub);
      },
    ],
    [
      'a pointer to a repository elsewhere',
      (sub, path) => writeFileSync(join(sub, '.git'), `gitdir: ${join(path, '../repository/.git/modules/a name')}\n`),
    ],
  ])('%s is work that would be lost', async (_, work) => {
    const { path } = await made('recursive');
    const base = await currentCommit(path);
    expect((await changesSince(path, 'one', base)).uncommitted).toBe(0);
    work(join(path, 'sub'), path);
    expect(await uncommittedWork(path)).toBe(true);
    expect((await changesSince(path, 'one', base)).uncommitted).toBe(1);
  });

  it('looking for work executes nothing of a submodule', async () => {
    const { path } = await made(true);
    const trace = join(path, '../ran');
    git(join(path, 'sub'), 'config', 'core.fsmonitor', `touch ${trace}`);
    expect(await uncommittedWork(path)).toBe(false);
    expect(existsSync(trace)).toBe(false);
    git(path, 'status');
    expect(existsSync(trace), 'git itself runs it').toBe(true);
  });
});
