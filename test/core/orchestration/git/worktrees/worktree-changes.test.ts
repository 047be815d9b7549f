import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesSince, currentCommit } from '../../../../../src/core/orchestration/git/worktrees/worktree-changes.js';
import { unfrozenParts } from '../../../../support/frozen.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** A worktree on branch `work`, and the commit that it begins with. */
async function scene() {
  const repo = repository();
  const worktree = `${repo}-work`;
  git(repo, 'worktree', 'add', '--quiet', '-b', 'work', worktree);
  const base = await currentCommit(worktree);
  const commit = (files: Record<string, string | null>): void => {
    for (const [name, text] of Object.entries(files)) {
      if (text === null) rmSync(join(worktree, name));
      else writeFileSync(join(worktree, name), text);
    }
    git(worktree, 'add', '--all');
    git(worktree, 'commit', '--quiet', '-m', 'Work');
  };
  const changes = () => changesSince(worktree, 'work', base);
  /** The folder of the repository that belongs to this worktree. */
  const own = join(repo, '.git/worktrees', 'repository-work');
  return { repo, worktree, base, commit, changes, own };
}

const NONE = { commits: 0, files: 0, insertions: 0, deletions: 0, uncommitted: 0 };

describe('the changes of a worktree', () => {
  it('a worktree without work has no changes', async () => {
    const { base, changes, repo } = await scene();
    const none = await changes();
    expect(none).toEqual({ branch: 'work', base, ...NONE });
    expect(unfrozenParts(none)).toEqual([]);
    expect(base).toBe(git(repo, 'rev-parse', 'main').trim());
  });

  it('the changes are the commits, the lines over all commits, and the uncommitted files', async () => {
    const { worktree, commit, changes } = await scene();
    commit({ 'file.txt': 'one\ntwo\nthree\n', 'new.txt': 'a\nb\n' });
    commit({ 'new.txt': 'a\n', 'third.txt': 'c\n' });
    expect(await changes()).toMatchObject({ commits: 2, files: 3, insertions: 5, deletions: 1, uncommitted: 0 });
    writeFileSync(join(worktree, 'file.txt'), 'changed\n');
    writeFileSync(join(worktree, 'loose.txt'), 'x');
    mkdirSync(join(worktree, 'folder'));
    writeFileSync(join(worktree, 'folder/one'), 'x');
    writeFileSync(join(worktree, 'folder/two'), 'x');
    rmSync(join(worktree, 'third.txt'));
    // An untracked folder counts as one.
    expect(await changes()).toMatchObject({ commits: 2, files: 3, uncommitted: 4 });
  });

  it.each<[string, Record<string, string | null>, object]>([
    ['a removed file', { 'file.txt': null }, { files: 1, insertions: 0, deletions: 1 }],
    ['a renamed file', { 'file.txt': null, 'moved.txt': 'content\n' }, { files: 2, insertions: 1, deletions: 1 }],
    ['a file name that looks like a count', { '7 files changed': 'x\n' }, { files: 1, insertions: 1, deletions: 0 }],
    ['an empty file', { empty: '' }, { files: 1, insertions: 0, deletions: 0 }],
    ['a binary file', { binary: '\u0000\u0001\n' }, { files: 1, insertions: 0, deletions: 0 }],
  ])('the changes of a commit with %s are counted', async (_, files, expected) => {
    const { commit, changes } = await scene();
    commit(files);
    expect(await changes()).toMatchObject({ commits: 1, ...expected });
  });

  it('the changes are those of the branch, even if something else is checked out', async () => {
    const { worktree, commit, changes } = await scene();
    commit({ 'new.txt': 'a\n' });
    git(worktree, 'switch', '--quiet', '--create', 'side');
    commit({ 'side.txt': 'b\n' });
    expect(await changes()).toMatchObject({ branch: 'work', commits: 1, files: 1 });
    git(worktree, 'switch', '--quiet', '--detach');
    commit({ 'lost.txt': 'c\n' });
    expect(await changes()).toMatchObject({ commits: 1, files: 1 });
  });

  it('the changes are also counted if the branch was reset to before its base', async () => {
    const { repo, worktree, base } = await scene();
    writeFileSync(join(worktree, 'new.txt'), 'a\n');
    git(worktree, 'add', '.');
    git(worktree, 'commit', '--quiet', '-m', 'Later base');
    const later = await currentCommit(worktree);
    git(worktree, 'reset', '--quiet', '--hard', base);
    expect(await changesSince(worktree, 'work', later)).toMatchObject({ commits: 0, files: 1, deletions: 1 });
    expect(git(repo, 'rev-parse', 'work').trim()).toBe(base);
  });
});

describe('a repository that an agent has broken', () => {
  it.each<[string, (given: Awaited<ReturnType<typeof scene>>) => void]>([
    ['the branch is gone', ({ repo }) => rmSync(join(repo, '.git/refs/heads/work'))],
    ['the branch is garbage', ({ repo }) => writeFileSync(join(repo, '.git/refs/heads/work'), 'garbage\n')],
    [
      'the branch is a commit that is not there',
      ({ repo }) => writeFileSync(join(repo, '.git/refs/heads/work'), `${'ab'.repeat(20)}\n`),
    ],
    ['its HEAD is garbage', ({ own }) => writeFileSync(join(own, 'HEAD'), Buffer.alloc(5_000, 7))],
    ['its HEAD is gone', ({ own }) => rmSync(join(own, 'HEAD'))],
    [
      'its HEAD is a FIFO',
      ({ own }) => {
        rmSync(join(own, 'HEAD'));
        execFileSync('mkfifo', [join(own, 'HEAD')]);
      },
    ],
    ['its index is garbage', ({ own }) => writeFileSync(join(own, 'index'), 'garbage')],
    ['its objects are gone', ({ repo }) => rmSync(join(repo, '.git/objects'), { recursive: true })],
    ['its pointer is gone', ({ worktree }) => rmSync(join(worktree, '.git'))],
    ['its pointer leads elsewhere', ({ worktree }) => writeFileSync(join(worktree, '.git'), 'gitdir: /tmp\n')],
    ['the worktree is gone', ({ worktree }) => rmSync(worktree, { recursive: true })],
    [
      'the output of git is too long to be read',
      ({ worktree }) => {
        for (let at = 0; at < 6_000; at += 1) writeFileSync(join(worktree, `${at}-${'x'.repeat(200)}`), '');
      },
    ],
  ])('no changes are reported or made up if %s', async (_, breakIt) => {
    const given = await scene();
    given.commit({ 'new.txt': 'a\n' });
    breakIt(given);
    await expect(given.changes()).rejects.toThrow();
  });

  it.each<[string, (given: Awaited<ReturnType<typeof scene>>, proof: string) => void]>([
    ['an external diff', ({ repo }, run) => void git(repo, 'config', 'diff.external', run)],
    ['a file system monitor', ({ repo }, run) => void git(repo, 'config', 'core.fsmonitor', run)],
    ['a pager', ({ repo }, run) => void git(repo, 'config', 'core.pager', run)],
    [
      'a filter',
      ({ repo, worktree }, run) => {
        git(repo, 'config', 'filter.evil.clean', run);
        git(repo, 'config', 'filter.evil.process', run);
        writeFileSync(join(worktree, '.gitattributes'), '* filter=evil\n');
      },
    ],
    [
      'a diff driver and a text conversion',
      ({ repo, worktree }, run) => {
        git(repo, 'config', 'diff.evil.command', run);
        git(repo, 'config', 'diff.evil.textconv', run);
        writeFileSync(join(worktree, '.gitattributes'), '* diff=evil\n');
      },
    ],
    [
      'a hook',
      ({ repo }, run) => {
        for (const name of ['post-index-change', 'reference-transaction', 'fsmonitor-watchman']) {
          mkdirSync(join(repo, '.git/hooks'), { recursive: true });
          writeFileSync(join(repo, '.git/hooks', name), `#!/bin/sh\n${run}\n`);
          chmodSync(join(repo, '.git/hooks', name), 0o755);
        }
      },
    ],
    [
      'a git program in the worktree',
      ({ worktree }, run) => {
        writeFileSync(join(worktree, 'git'), `#!/bin/sh\n${run}\n`);
        chmodSync(join(worktree, 'git'), 0o755);
      },
    ],
  ])('%s is not executed, and the changes are correct', async (_, plant) => {
    const given = await scene();
    given.commit({ 'new.txt': 'a\nb\n' });
    const proof = join(tempFolder(), 'ran');
    plant(given, `touch ${proof}; cat`);
    // The time of the file differs from the time in the index, so git reads the file.
    writeFileSync(join(given.worktree, 'new.txt'), 'a\nb\nc\n');
    const changes = await given.changes();
    expect(existsSync(proof)).toBe(false);
    expect(changes).toMatchObject({ commits: 1, files: 1, insertions: 2 });
    expect(changes.uncommitted).toBeGreaterThan(0);
    expect(readFileSync(join(given.worktree, 'new.txt'), 'utf8')).toBe('a\nb\nc\n');
  });

  it('an agent cannot hide its changes by the name of its branch or files', async () => {
    const repo = repository();
    const worktree = `${repo}-odd`;
    git(repo, 'worktree', 'add', '--quiet', '-b', '7files/changed', worktree);
    const base = await currentCommit(worktree);
    for (const name of ['--output=planted', '-', 'main', base, 'new\nline']) writeFileSync(join(worktree, name), 'x\n');
    git(worktree, 'add', '--all');
    git(worktree, 'commit', '--quiet', '-m', 'Odd');
    expect(await changesSince(worktree, '7files/changed', base)).toMatchObject({ commits: 1, files: 5, insertions: 5 });
  });
});
