import { lstat, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attempt, engine, nextEvent, tempFolder, testManager } from './support.js';

const quick = (QUICK_SCRIPT: string) => ({ docker: { image: engine.quickImage, env: { QUICK_SCRIPT } } });

describe('an agent whose home folder root has prepared', () => {
  it.each([1234, 0])('the agent has no capability, and cannot change what is not its own: uid %i', async (owner) => {
    const { manager } = await testManager();
    const cwd = await tempFolder(owner);
    const attacks = [
      'grep -E "^(Cap|NoNewPrivs)" /proc/self/status',
      'kill -KILL 1 2>/dev/null && echo killed',
      'mv ~/.claude/projects ~/elsewhere 2>/dev/null && echo moved',
      'mount -t tmpfs none /mnt 2>/dev/null && echo mounted',
      'echo x 2>/dev/null > /etc/claude-code/managed-settings.json && echo settings',
      'chown 1 /workspace 2>/dev/null && echo given',
      ...(owner === 0
        ? []
        : [
            'kill -KILL 1 2>/dev/null && echo killed',
            'touch /etc/x /usr/bin/x / 2>/dev/null && echo touched',
            'find ~ ! -user 1234',
          ]),
    ];
    const script = `{ id -u; ${attacks.join('; ')}; } > /workspace/out; init; result`;
    const { id } = await manager.create({ ...quick(script), prompt: 'Go', cwd });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => `${set}:\t0000000000000000`);
    const expected = [
      String(owner),
      ...sets,
      'NoNewPrivs:\t1',
      ...(owner === 0 ? [] : ['/home/node/.claude/projects']),
    ];
    expect((await readFile(join(cwd, 'out'), 'utf8')).trim().split('\n')).toEqual(expected);
  });

  it('links that an agent has planted in its conversation are not followed by root of the next run', async () => {
    const { manager, stateDir } = await testManager();
    const cwd = await tempFolder(1234);
    await writeFile(join(cwd, 'victim'), 'secret', { mode: 0o600 });
    const plant = 'cd ~/.claude/projects; ln -s /workspace/victim file; ln -s /workspace folder; ln -s /etc etc';
    const script = `[ -e ~/.claude/projects/etc ] || (${plant}); chown 1234 ~/.claude/projects/file; init; result`;
    const { id } = await manager.create({ ...quick(script), prompt: 'Go', cwd });
    await manager.waitFor(id);
    await manager.continue(id, 'Again');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', runs: [{}, {}] });
    expect((await lstat(join(cwd, 'victim'))).uid).toBe(0);
    const planted = join(stateDir, 'sessions', id, 'projects');
    expect((await lstat(join(planted, 'folder'))).isSymbolicLink()).toBe(true);
    expect((await lstat(planted)).uid).toBe(0);
  });

  it('the signal of a stop reaches the agent, although init belongs to root', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder(1234);
    const script = `trap 'echo ended > /workspace/ended; exit' TERM; init; say working; sleep 300 & wait`;
    const works = nextEvent(manager, ({ type }) => type === 'session:message');
    const { id } = await manager.create({ ...quick(script), prompt: 'Go', cwd });
    await works;
    await manager.cancel(id);
    expect((await attempt('cat', [join(cwd, 'ended')])).stdout).toBe('ended\n');
  });
});
