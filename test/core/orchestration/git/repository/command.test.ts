import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runGit as runGitOn } from '../../../../../src/core/orchestration/git/repository/command.js';
import { lendIndex, withGitView } from '../../../../../src/core/orchestration/git/repository/view.js';
import { uncommittedWork, unmergedWork } from '../../../../../src/core/orchestration/git/worktrees/lost-work.js';
import { git, repository } from '../../../../support/git.js';
import { GIT_ATTACKS } from '../../../../support/git-attacks.js';
import { tempFolder } from '../../../../support/temp-folder.js';

function worktree(): { root: string; tree: string } {
  const root = repository();
  const tree = `${root}-tree`;
  git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
  return { root, tree };
}

const runGit = (checkout: string, args: readonly string[]) =>
  withGitView(checkout, async (view) => {
    await lendIndex(view);
    return runGitOn(view, args);
  });

const commit = (tree: string): string => git(tree, 'commit', '--quiet', '--allow-empty', '--message', 'Work');

describe('uncommitted work', () => {
  it('a fresh checkout has no uncommitted work, with or without ignored files', async () => {
    const { root, tree } = worktree();
    expect(await uncommittedWork(tree)).toBe(false);
    writeFileSync(join(root, '.git/info/exclude'), '*.log\n');
    writeFileSync(join(tree, 'x.log'), '');
    expect(await uncommittedWork(tree)).toBe(false);
  });

  it.each([
    ['an untracked file', (tree: string) => writeFileSync(join(tree, 'new.txt'), '')],
    ['a change', (tree: string) => writeFileSync(join(tree, 'file.txt'), 'changed\n')],
    ['a change of the same length', (tree: string) => writeFileSync(join(tree, 'file.txt'), 'CONTENT\n')],
    ['a staged change', (tree: string) => git(tree, 'rm', '--quiet', '--cached', 'file.txt')],
    ['a nested repository', (tree: string) => git(tree, 'init', '--quiet', 'nested')],
    ['a submodule', (tree: string) => git(tree, 'submodule', '--quiet', 'add', repository(), 'sub')],
    ['a broken index', (tree: string) => writeFileSync(join(git(tree, 'rev-parse', '--git-dir').trim(), 'index'), 'x')],
  ])('a checkout with %s has uncommitted work', async (_, work) => {
    const { tree } = worktree();
    work(tree);
    expect(await uncommittedWork(tree)).toBe(true);
  });

  it('git sees an index as old as the real one, so a change in the same clock tick is not missed', async () => {
    const { tree } = worktree();
    const index = join(git(tree, 'rev-parse', '--git-dir').trim(), 'index');
    await withGitView(tree, async (view) => {
      const { mtimeMs } = statSync(await lendIndex(view));
      expect(mtimeMs).toBeLessThanOrEqual(statSync(index).mtimeMs);
      expect(mtimeMs).toBeGreaterThan(statSync(index).mtimeMs - 2);
    });
  });

  it('uncommitted work is assumed outside a repository', async () => {
    expect(await uncommittedWork(tempFolder())).toBe(true);
  });

  it('uncommitted work is detected correctly with SHA-256 and in a shallow clone', async () => {
    const root = tempFolder();
    git(root, 'init', '--quiet', '--object-format=sha256');
    commit(root);
    writeFileSync(join(root, 'a'), '');
    git(root, 'add', '.');
    expect(await uncommittedWork(root)).toBe(true);
    commit(root);
    expect(await uncommittedWork(root)).toBe(false);
    const origin = repository();
    commit(origin);
    const shallow = join(tempFolder(), 'shallow');
    git('/', 'clone', '--quiet', '--depth=1', `file://${origin}`, shallow);
    git(shallow, 'checkout', '--quiet', '-b', 'topic');
    expect(await uncommittedWork(shallow)).toBe(false);
    expect(await unmergedWork(shallow, 'topic')).toBe(false);
  });
});

describe('work that is on no other branch', () => {
  it('a commit is unmerged work until another branch, a remote branch or a tag contains it', async () => {
    const { root, tree } = worktree();
    expect(await unmergedWork(tree, 'topic')).toBe(false);
    commit(tree);
    expect(await unmergedWork(tree, 'topic')).toBe(true);
    for (const ref of ['refs/tags/v1', 'refs/remotes/origin/topic', 'refs/heads/other']) {
      git(root, 'update-ref', ref, 'topic');
      expect(await unmergedWork(tree, 'topic'), ref).toBe(false);
      git(root, 'pack-refs', '--all');
      expect(await unmergedWork(tree, 'topic'), ref).toBe(false);
      git(root, 'update-ref', '-d', ref);
      expect(await unmergedWork(tree, 'topic'), ref).toBe(true);
    }
  });

  it('a commit that only a detached HEAD contains is unmerged work', async () => {
    const { tree } = worktree();
    git(tree, 'checkout', '--quiet', '--detach');
    expect(await unmergedWork(tree, 'topic')).toBe(false);
    commit(tree);
    expect(await unmergedWork(tree, 'topic')).toBe(true);
  });

  it('unmerged work is assumed if the branch is gone, and outside a repository', async () => {
    const { tree } = worktree();
    expect(await unmergedWork(tree, 'gone')).toBe(true);
    expect(await unmergedWork(tree, '--all')).toBe(true);
    expect(await unmergedWork(tempFolder(), 'main')).toBe(true);
  });
});

describe('git on the machine', () => {
  it.each(GIT_ATTACKS)('git on the machine runs nothing because of $name', async ({ prepare, plant }) => {
    const root = repository();
    const marker = join(tempFolder(), 'marker');
    prepare?.(root);
    plant(root, `touch ${marker}`);
    await Promise.all([uncommittedWork(root), unmergedWork(root, 'main'), runGit(root, ['log'])]);
    expect(existsSync(marker)).toBe(false);
  });

  it('git on the machine runs no filter of the repository to find uncommitted work', async () => {
    const root = repository();
    const marker = join(tempFolder(), 'marker');
    git(root, 'config', 'filter.x.clean', `touch ${marker}; cat`);
    git(root, 'config', 'diff.x.textconv', `touch ${marker}; cat`);
    writeFileSync(join(root, '.gitattributes'), '* filter=x diff=x\n');
    writeFileSync(join(root, 'file.txt'), 'CONTENT\n');
    expect(await uncommittedWork(root)).toBe(true);
    expect(existsSync(marker)).toBe(false);
    git(root, 'status');
    expect(existsSync(marker), 'the attack works').toBe(true);
  });

  it('a git program in the checkout and git variables of the process have no effect', async () => {
    const root = repository();
    const marker = join(tempFolder(), 'marker');
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/git'), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${root}/bin:bin:.:${process.env.PATH}`);
    vi.stubEnv('GIT_CONFIG_COUNT', '1');
    vi.stubEnv('GIT_CONFIG_KEY_0', 'core.fsmonitor');
    vi.stubEnv('GIT_CONFIG_VALUE_0', `touch ${marker}`);
    try {
      expect(await runGit(root, ['status', '--porcelain'])).toBe('?? bin/\n');
    } finally {
      vi.unstubAllEnvs();
    }
    expect(existsSync(marker)).toBe(false);
  });

  it('git on the machine writes nothing to the repository and leaves no temporary folders', async () => {
    const root = repository();
    const temporary = tempFolder();
    vi.stubEnv('TMPDIR', temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    const files = execFileSync('find', [root, '-printf', '%p %T@ %s\n'], { encoding: 'utf8' });
    await Promise.all([uncommittedWork(root), unmergedWork(root, 'main')]);
    await expect(runGit(root, ['nonsense'])).rejects.toThrow();
    expect(execFileSync('find', [root, '-printf', '%p %T@ %s\n'], { encoding: 'utf8' })).toBe(files);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('a checkout whose index is a FIFO has uncommitted work', async () => {
    const root = repository();
    appendFileSync(join(root, '.git/HEAD'), '');
    renameSync(join(root, '.git/index'), join(root, '.git/old'));
    execFileSync('mkfifo', [join(root, '.git/index')]);
    expect(await uncommittedWork(root)).toBe(true);
  });
});
