import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const ENTERING = join(import.meta.dirname, '../../../../fixtures/enter-worktree.ts');
const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;

/** A process with a state folder of its own. */
async function entering(repo: string, branch: string): Promise<ChildProcess> {
  const child = fork(ENTERING, [tempFolder(), repo, branch], { execArgv: ['--import', 'tsx'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await once(child, 'message')).toContain('ready');
  return child;
}

async function answer(child: ChildProcess): Promise<string> {
  const answered = once(child, 'message');
  child.send('go');
  return String((await answered)[0]);
}

it('of several processes, one gets a branch, and the next one gets it when that one is gone', async () => {
  const repo = repository();
  const children = await Promise.all(Array.from({ length: 3 }, () => entering(repo, 'one')));
  const answers = await Promise.all(children.map(answer));
  expect(answers.filter((each) => each === 'entered')).toHaveLength(1);
  const winner = children[answers.indexOf('entered')];
  for (const refused of answers.filter((each) => each !== 'entered')) {
    expect(refused).toContain(`process ${winner?.pid}`);
  }
  expect(git(repo, 'worktree', 'list').trim().split('\n')).toHaveLength(2);
  expect(git(`${repo}-one`, 'status', '--porcelain')).toBe('');

  const ended = once(winner as ChildProcess, 'exit');
  winner?.kill('SIGKILL');
  await ended;
  const [next] = children.filter((child) => child !== winner);
  expect(await answer(next as ChildProcess)).toBe('entered');
});

it.skipIf(!canMount)(
  'a disk that becomes full while files are copied is named, and nothing is left behind',
  async () => {
    const repo = repository();
    const disk = tempFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=755', 'tmpfs', disk]);
    onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
    const full = join(disk, 'project');
    git('/', 'clone', '--quiet', repo, full);
    writeFileSync(join(full, '.git/info/exclude'), 'data/\n');
    mkdirSync(join(full, 'data'));
    writeFileSync(join(full, 'data/file'), Buffer.alloc(2_500_000, 'x'));
    const before = [git(full, 'for-each-ref'), git(full, 'worktree', 'list'), ...readdirSync(disk)];

    for (const place of ['on the same disk', 'on another one']) {
      const request = {
        branch: 'one',
        copy: ['data/'],
        ...(place === 'on another one' && { path: join(dirname(repo), 'w') }),
      };
      await expect(new Worktrees().ensure(full, request)).rejects.toMatchObject({
        code: 'WORKTREE_FAILED',
        message: expect.stringMatching(/disk.*full|no (space|room)/i),
      });
      expect([git(full, 'for-each-ref'), git(full, 'worktree', 'list'), ...readdirSync(disk)]).toEqual(before);
      expect(readdirSync(dirname(repo))).toEqual(['repository']);
      const [left] = readdirSync(join(full, '.git/worktrees')).filter((name) => !name.startsWith('.'));
      expect(left).toBeUndefined();
    }
  },
);
