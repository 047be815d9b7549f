import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesSince, currentCommit } from '../../../../src/core/orchestration/git/worktree-changes.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { git, repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

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
  /** Where the repository keeps what is this worktree's own. */
  const own = join(repo, '.git/worktrees', 'repository-work');
  return { repo, worktree, base, commit, changes, own };
}

const NONE = { commits: 0, files: 0, insertions: 0, deletions: 0, uncommitted: 0 };

describe('what happened in a worktree', () => {
  it('is nothing where nothing did', async () => {
    const { base, changes, repo } = await scene();
    const none = await changes();
    expect(none).toEqual({ branch: 'work', base, ...NONE });
    expect(unfrozenParts(none)).toEqual([]);
    expect(base).toBe(git(repo, 'rev-parse', 'main').trim());
  });

  it('are its commits, over all of them the lines, and what is in none', async () => {
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
    // A folder of which nothing is known is one.
    expect(await changes()).toMatchObject({ commits: 2, files: 3, uncommitted: 4 });
  });

  it.each<[string, Record<string, string | null>, object]>([
    ['a file that is removed', { 'file.txt': null }, { files: 1, insertions: 0, deletions: 1 }],
    [
      'a file that is renamed',
      { 'file.txt': null, 'moved.txt': 'content\n' },
      { files: 2, insertions: 1, deletions: 1 },
    ],
    ['a name that could be read as figures', { '7 files changed': 'x\n' }, { files: 1, insertions: 1, deletions: 0 }],
    ['a file without lines', { empty: '' }, { files: 1, insertions: 0, deletions: 0 }],
    ['bytes that are no text', { binary: '\u0000\u0001\n' }, { files: 1, insertions: 0, deletions: 0 }],
  ])('%s', async (_, files, expected) => {
    const { commit, changes } = await scene();
    commit(files);
    expect(await changes()).toMatchObject({ commits: 1, ...expected });
  });

  it('is told of the branch, whatever else is checked out by then', async () => {
    const { worktree, commit, changes } = await scene();
    commit({ 'new.txt': 'a\n' });
    git(worktree, 'switch', '--quiet', '--create', 'side');
    commit({ 'side.txt': 'b\n' });
    expect(await changes()).toMatchObject({ branch: 'work', commits: 1, files: 1 });
    git(worktree, 'switch', '--quiet', '--detach');
    commit({ 'lost.txt': 'c\n' });
    expect(await changes()).toMatchObject({ commits: 1, files: 1 });
  });

  it('is told where the branch has gone back, too', async () => {
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
      'there is more than anybody reads',
      ({ worktree }) => {
        for (let at = 0; at < 6_000; at += 1) writeFileSync(join(worktree, `${at}-${'x'.repeat(200)}`), '');
      },
    ],
  ])('%s: nothing is told, and nothing made up', async (_, breakIt) => {
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
      'a git of its own',
      ({ worktree }, run) => {
        writeFileSync(join(worktree, 'git'), `#!/bin/sh\n${run}\n`);
        chmodSync(join(worktree, 'git'), 0o755);
      },
    ],
  ])('%s is not executed, and what is told is right', async (_, plant) => {
    const given = await scene();
    given.commit({ 'new.txt': 'a\nb\n' });
    const proof = join(tempFolder(), 'ran');
    plant(given, `touch ${proof}; cat`);
    // Its time differs from that in the index, so that git looks into it.
    writeFileSync(join(given.worktree, 'new.txt'), 'a\nb\nc\n');
    const changes = await given.changes();
    expect(existsSync(proof)).toBe(false);
    expect(changes).toMatchObject({ commits: 1, files: 1, insertions: 2 });
    expect(changes.uncommitted).toBeGreaterThan(0);
    expect(readFileSync(join(given.worktree, 'new.txt'), 'utf8')).toBe('a\nb\nc\n');
  });

  it('an agent cannot keep it from being told by the name of its branch or files', async () => {
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
