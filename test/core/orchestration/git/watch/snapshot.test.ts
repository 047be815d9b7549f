import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plantedSince, snapshotGit } from '../../../../../src/core/orchestration/git/watch/snapshot.js';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { GIT_ATTACKS, LINK_ATTACKS, plantLink } from '../../../../support/git-attacks.js';
import { BORROWING_ATTACKS, borrowingScene } from '../../../../support/git-borrowing.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** How long this thread has worked, whatever else the machine does. */
const cpuMs = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;

/** Runs git as a person would, whether the command succeeds or fails. */
function trigger(root: string, args: readonly string[]): void {
  try {
    git(root, ...args);
  } catch {
    // Only what it left behind counts.
  }
}

describe('files that an agent plants for git on the machine', () => {
  it.each(GIT_ATTACKS)(
    'an attack that works with plain git is reported: $name',
    async ({ prepare, plant, trigger: args, reported }) => {
      const root = repository();
      const marker = join(tempFolder(), 'marker');
      prepare?.(root);
      const snapshot = JSON.parse(JSON.stringify(await snapshotGit(root)));
      expect(await plantedSince(snapshot)).toEqual([]);
      plant(root, `touch ${marker}`);
      const paths = (await plantedSince(snapshot)).map(({ path }) => relative(root, path));
      expect(paths).toContain(reported);
      expect(existsSync(marker)).toBe(false);

      trigger(root, args);
      // This one takes a second command: the first has written the hook.
      if (reported === '.git/index') trigger(root, ['checkout', '-b', 'other']);
      expect(existsSync(marker), 'the attack works').toBe(true);
    },
  );

  it.each(LINK_ATTACKS)('a link through which git writes is reported: %s', async (link, args) => {
    const root = repository();
    const target = join(tempFolder(), 'target');
    writeFileSync(target, 'the user’s\n');
    const snapshot = await snapshotGit(root);
    plantLink(root, link, target);
    const [planted] = await plantedSince(snapshot);
    expect(planted?.path).toBe(join(root, link));
    expect(planted?.reason).toContain(target);

    trigger(root, args);
    expect(readFileSync(target, 'utf8'), 'the attack works').not.toBe('the user’s\n');
  });

  // Links among packs and single objects are not searched, because there can be very many files.
  it.each(BORROWING_ATTACKS.filter(({ name }) => !/single objects that|packs that|names a pack/.test(name)))(
    'an attack that leads to a private repository is reported: $name',
    async (attack) => {
      const scene = borrowingScene(attack);
      const snapshot = await snapshotGit(scene.repo);
      attack.plant(scene);
      const paths = (await plantedSince(snapshot)).map(({ path }) => relative(scene.own(''), path));
      expect(paths).toContainEqual(expect.stringMatching(/^(objects|refs|packed-refs)/));
    },
  );

  it('a worktree that this library creates in the repository is not reported', async () => {
    const root = repository();
    const worktrees = new Worktrees();
    await worktrees.ensure(root, { branch: 'one', workspaces: [root] });
    const snapshot = await snapshotGit(root);
    const { path } = await worktrees.ensure(root, { branch: 'two', workspaces: [root] });
    expect([path, await plantedSince(snapshot)]).toEqual([join(root, '.worktrees/two'), []]);
  });

  it('a git folder that was replaced as a whole is reported', async () => {
    const root = repository();
    const snapshot = await snapshotGit(root);
    renameSync(join(root, '.git'), join(root, '.old'));
    git(root, 'init', '--quiet');
    expect(await plantedSince(snapshot)).toContainEqual({
      path: join(root, '.git'),
      reason: 'it was replaced by another',
    });
  });

  it('files that an agent plants in a linked worktree are reported, too', async () => {
    const root = repository();
    const tree = `${root}-tree`;
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    const snapshot = await snapshotGit(tree);
    git(tree, 'init', '--quiet', 'a/b/c/d/e/f');
    writeFileSync(join(tree, 'a/b/c/d/e/f/file'), '');
    git(join(tree, 'a/b/c/d/e/f'), 'add', '.');
    git(join(tree, 'a/b/c/d/e/f'), 'commit', '--quiet', '--message', 'x');
    git(tree, 'add', '.');
    expect(await plantedSince(snapshot)).toEqual([]);
    git(join(tree, 'a/b/c/d/e/f'), 'config', 'core.sshCommand', 'x');
    plantLink(root, '.git/logs/refs/heads/main', '/dev/null');
    expect(await plantedSince(snapshot)).toEqual([
      { path: join(root, '.git/logs/refs/heads/main'), reason: expect.stringContaining('/dev/null') },
      { path: join(tree, 'a/b/c/d/e/f/.git/config'), reason: 'it sets core.sshcommand' },
    ]);
  });
});

describe('changes that are not reported', () => {
  it('commits, branches, tags, stashes, a rebase and new or cloned repositories are not reported', async () => {
    const root = repository();
    git(root, 'config', 'core.sshCommand', 'ssh -v');
    git(root, 'config', 'alias.graph', '!git log --graph "$@"');
    const snapshot = await snapshotGit(root);
    git(root, 'checkout', '--quiet', '-b', 'topic');
    writeFileSync(join(root, 'file.txt'), 'changed\n');
    git(root, 'stash', '--quiet');
    git(root, 'commit', '--quiet', '--allow-empty', '--message', 'Second');
    git(root, 'tag', 'v1');
    git(root, 'gc', '--quiet');
    git(root, 'branch', '--quiet', '--set-upstream-to=main');
    git(root, 'init', '--quiet', 'made');
    git(root, 'clone', '--quiet', root, 'cloned');
    git(join(root, 'cloned'), 'remote', 'set-url', 'origin', 'git@example.invalid:some/where.git');
    mkdirSync(join(root, '.git/rebase-merge'));
    writeFileSync(join(root, '.git/rebase-merge/git-rebase-todo'), 'pick 0123456 First\n');
    expect(await plantedSince(snapshot)).toEqual([]);
  });

  it('the files that prevent planting are not reported', async () => {
    const root = repository();
    const snapshot = await snapshotGit(root);
    writeFileSync(join(root, '.git/commondir'), './\n');
    writeFileSync(join(root, '.git/config.worktree'), '');
    expect(await plantedSince(snapshot)).toEqual([]);
  });

  it('files outside a repository are not reported', async () => {
    const folder = tempFolder();
    const snapshot = await snapshotGit(folder);
    writeFileSync(join(folder, 'config'), '[core]\nfsmonitor = x\n');
    expect(await plantedSince(snapshot)).toEqual([]);
  });
});

describe('a git folder that an agent has filled', () => {
  it.each([
    ['a FIFO as config.worktree', (root: string) => execFileSync('mkfifo', [join(root, '.git/config.worktree')])],
    [
      'an index of a gigabyte',
      (root: string) => {
        writeFileSync(join(root, '.git/index'), 'DIRC');
        truncateSync(join(root, '.git/index'), 2 ** 30);
      },
    ],
    ['a link to itself', (root: string) => symlinkSync('HEAD.lock', join(root, '.git/HEAD.lock'))],
    [
      'more files than are searched',
      (root: string) => {
        const loop = 'for i in 1 2 3 4 5 6 7; do mkdir $i; (cd $i; seq 1 31000 | xargs touch); done';
        execFileSync('sh', ['-c', loop], { cwd: join(root, '.git/info') });
      },
    ],
  ])('the search in a git folder with %s ends with a report', async (_, fill) => {
    const root = repository();
    const snapshot = await snapshotGit(root);
    fill(root);
    expect(await plantedSince(snapshot)).not.toEqual([]);
  });

  it('many nested repositories do not block the event loop', async () => {
    const root = repository();
    const snapshot = await snapshotGit(root);
    const config = `[alias]\n${'a = b c d e f g h i j k l m n o p q r s t u v w x y z\n'.repeat(15_000)}`;
    for (let at = 0; at < 5; at += 1) {
      git(root, 'init', '--quiet', `n${at}`);
      writeFileSync(join(root, `n${at}/.git/config`), config);
    }
    let [longest, before, isOver] = [0, cpuMs(), false];
    const turn = (): void => {
      const now = cpuMs();
      longest = Math.max(longest, now - before);
      before = now;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    expect(await plantedSince(snapshot)).not.toEqual([]);
    isOver = true;
    expect(longest).toBeLessThan(1000);
  });
});
