import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { repository } from '../e2e/support.js';
import { attempt, containersLeft, countEnds, quick, stateFolder, testManager } from './support.js';

it.each([
  ['before its end is on disk', false],
  ['when its end is on disk', true],
])(
  'a process that is killed between the end of a session and the removal of its container, %s, leaves nothing behind',
  async (_, isSaved) => {
    const stateDir = await stateFolder();
    const cwd = await repository(1000);
    const own = { worktree: 'feature', cwd, prompt: 'x' };
    const session = { ...quick('init; echo run >> runs.txt; result'), ...own };
    const program = join(inject('programs'), 'killed-at-end.js');
    const killed = spawn(process.execPath, [program, JSON.stringify({ stateDir, session, isSaved })], {
      stdio: 'inherit',
    });
    const [, signal] = await once(killed, 'exit');
    expect(signal).toBe('SIGKILL');

    const { manager } = await testManager({ stateDir });
    const ends = countEnds(manager);
    const report = await manager.recover();
    const [ended] = manager.list();
    expect(ended).toMatchObject({
      status: 'completed',
      result: { reason: 'success', exitCode: 0 },
      runs: [{ number: 1 }],
    });
    const id = ended?.id ?? '';
    expect(report).toMatchObject({
      known: isSaved ? [id] : [],
      closed: isSaved ? [] : [id],
      containers: [`ao-${id}-1`],
    });
    expect(ends.get(id) ?? 0).toBe(isSaved ? 0 : 1);
    expect(await containersLeft([{ id }])).toEqual([]);
    expect(await attempt('ls', [join(stateDir, 'sessions', id, 'guard')])).toMatchObject({ code: 2 });

    // Nobody holds its worktree any more.
    const next = await manager.create({ ...own, ...quick('init; echo next >> runs.txt; result') });
    const worktree = ended?.environment.worktree ?? 'none';
    expect(await manager.waitFor(next.id)).toMatchObject({ status: 'completed', environment: { worktree } });
    expect(await readFile(join(worktree, 'runs.txt'), 'utf8')).toBe('run\nnext\n');
  },
);
