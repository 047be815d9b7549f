import { execFileSync } from 'node:child_process';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { removeFolder } from '../support/temp-folder.js';
import { containersLeft, endedGone, figure, quick, tempFolder, testManager } from './support.js';

let stateDir: string;

// Unmounted after the close of testManager() and before the removal: the clean-up of a hook runs last.
beforeEach(async () => {
  stateDir = execFileSync('mktemp', ['--directory', '/tmp/orchestration-faults-disk-XXXXXX'], {
    encoding: 'utf8',
  }).trim();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', stateDir]);
  return async () => {
    // Lazily: the last file is closed a moment after the end.
    execFileSync('umount', ['--lazy', stateDir]);
    await removeFolder(stateDir);
  };
});
const LINE = 'x'.repeat(200);
/** Writes some 600 KB, and would then work for five minutes. */
const FLOOD = `init; i=0; while [ $i -lt 1500 ]; do i=$((i+1)); say "$i ${LINE}"; done; sleep 300; result`;

it('a full disk ends the session whose log is there, with the cause, and no other session', async () => {
  const full = await testManager({ stateDir });
  const other = await testManager();
  const cwd = await tempFolder();
  const [victim, neighbour] = await Promise.all([
    full.manager.create({ ...quick(FLOOD), prompt: 'x', cwd }),
    other.manager.create({ ...quick(FLOOD.replace('sleep 300', 'sleep 1')), prompt: 'x', cwd }),
  ]);

  const began = performance.now();
  const ended = await full.manager.waitFor(victim.id);
  expect(ended).toMatchObject({
    status: 'failed',
    result: { reason: expect.stringMatching(/^(log_lost|STATE_NOT_WRITABLE)$/) },
  });
  // The error depends on which of the two files is written first after the last byte.
  expect(ended.result?.error).toMatch(/docker client that writes the log ended.*disk|ENOSPC/);
  expect(ended.metadata.messages).toBeGreaterThan(100);
  expect(ended.metadata.messages).toBeLessThan(1_500);
  await endedGone(full.manager);
  expect(await containersLeft([ended])).toEqual([]);
  expect(full.manager.queueStatus().running).toBe(0);
  figure(
    'full disk',
    `failed (${ended.result?.reason}) after ${ended.metadata.messages} of 1500 messages, ${Math.round(performance.now() - began)} ms; container stopped`,
  );

  // A start without room on the disk fails, too, and reports why.
  const refused = await full.manager
    .create({ ...quick('init; result'), prompt: 'y'.repeat(5_000), cwd })
    .then(({ id }) => full.manager.waitFor(id))
    .then(({ status, result }) => ({ status, said: result?.error ?? '' }))
    .catch((error: Error) => ({ status: 'refused', said: error.message }));
  expect(refused.said).toMatch(/ENOSPC|no space left/i);
  figure('start on a full disk', `${refused.status}: ${refused.said}`);

  // The neighbour has all of its lines.
  const untouched = await other.manager.waitFor(neighbour.id);
  expect(untouched).toMatchObject({ status: 'completed', metadata: { messages: 1_500 } });

  // The same manager works again when there is room.
  await truncate(join(stateDir, 'sessions', victim.id, 'stream.log'));
  const next = await full.manager.create({ ...quick('init; result'), prompt: 'x', cwd });
  expect(await full.manager.waitFor(next.id)).toMatchObject({ status: 'completed' });
});
