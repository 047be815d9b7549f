import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, containersOf, git, repository, scripted, stateFolder, tempFolder, testManager } from './support.js';

// The repository belongs to root, as the user who runs these tests, so the sessions run as root, too; without capabilities.
const AS_HOST_USER = { user: '0:0' };

describe('removing sessions of real agents', () => {
  it('a session whose worktree has work stays after an automatic and a plain removal, and goes with force', async () => {
    const stateDir = await stateFolder();
    const { manager, events } = await testManager({
      stateDir,
      keepEnded: { count: 1 },
      policy: { dangerous: 'allow' },
    });
    const cwd = await repository();
    const { docker } = scripted(bash('echo loose > loose.txt'), { text: 'Written.' });
    const { id } = await manager.create({
      prompt: 'Work',
      cwd,
      worktree: 'feature',
      docker: { ...docker, ...AS_HOST_USER },
    });
    const ended = await manager.waitFor(id);
    const worktree = ended.environment.worktree ?? '';
    // The agent's user owns files in the folders of these sessions.
    const others: string[] = [];
    for (let index = 0; index < 2; index++) {
      const { id: other } = await manager.create({
        prompt: 'x',
        cwd: await tempFolder(),
        ...scripted({ text: 'Done.' }),
      });
      expect(await manager.waitFor(other)).toMatchObject({ status: 'completed' });
      others.push(other);
    }
    const isGone = (): boolean =>
      events.some(({ type, sessionId }) => type === 'session:removed' && sessionId === others[0]);
    while (!isGone()) await new Promise((resolve) => manager.once('session:removed', resolve));
    expect(manager.list().map((session) => session.id)).toEqual([id, others[1]]);

    await expect(manager.remove(id)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
    expect(manager.get(id)).toEqual(ended);
    expect(await readFile(join(worktree, 'loose.txt'), 'utf8')).toBe('loose\n');
    expect(await readFile(ended.logFile ?? '', 'utf8')).toContain('Written.');

    expect(await manager.remove(id, { force: true })).toMatchObject({ id, status: 'completed' });
    expect([existsSync(worktree), existsSync(join(stateDir, 'sessions', id))]).toEqual([false, false]);
    expect(await git(cwd, 'branch', '--list', 'feature')).toContain('feature');
    await manager.close(); // It waits until the files of removed sessions are gone.
    expect(await readdir(join(stateDir, 'sessions'))).toEqual([others[1]]);
    for (const one of [id, ...others]) expect(await containersOf({ id: one })).toEqual([]);

    const next = await testManager({ stateDir });
    expect(await next.manager.recover()).toMatchObject({ known: [others[1]], skipped: [], rebuilt: [], folders: [] });
    expect(await readdir(join(stateDir, 'worktrees'))).toEqual([]);
  });
});
