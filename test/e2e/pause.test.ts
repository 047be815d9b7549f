import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { bash, containersOf, docker, nextEvent, scripted, tempFolder, testManager } from './support.js';

/** Counts in a file, ten times a second, until the test lets it end. */
const COUNT = bash('i=0; until [ -e /workspace/go ]; do i=$((i+1)); echo $i >> /workspace/count; sleep 0.1; done');

it('pause() freezes the container, and resume() lets it continue', async () => {
  const { manager, events } = await testManager();
  const cwd = await tempFolder();
  const options = { ...scripted(COUNT, { text: 'Counted.' }), prompt: 'Count', cwd, limits: { durationMs: 90_000 } };
  const { id } = await manager.create(options);
  const counted = (): Promise<string> => readFile(join(cwd, 'count'), 'utf8').catch(() => '');
  await expect.poll(counted, { interval: 20 }).not.toBe('');

  const paused = await manager.pause(id);
  expect(paused.status).toBe('paused');
  expect(await docker('inspect', '--format', '{{.State.Paused}}', `ao-${id}-1`)).toBe('true');
  expect(await manager.pause(id)).toBe(paused);
  const frozen = await Promise.all([stat(paused.logFile ?? ''), counted()]);
  await delay(1_000); // Nothing happens: there is no event to wait for.
  const later = await Promise.all([stat(paused.logFile ?? ''), counted()]);
  expect([later[0].size, later[1]]).toEqual([frozen[0].size, frozen[1]]);

  expect((await manager.resume(id)).status).toBe('running');
  await expect.poll(async () => (await counted()).length).toBeGreaterThan(frozen[1].length);
  await writeFile(join(cwd, 'go'), '');
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Counted.' } });
  // It went on where it was frozen.
  expect(await counted()).toBe(
    (await counted())
      .trimEnd()
      .split('\n')
      .map((_, index) => `${index + 1}\n`)
      .join(''),
  );
  const told = events.map(({ type }) => type).filter((type) => /paused|resumed/.test(type));
  expect(told).toEqual(['session:paused', 'session:resumed']);
});

it('a paused session can be continued or cancelled', async () => {
  const { manager } = await testManager();
  const cwd = await tempFolder();
  // Claude forgets a tool call that was interrupted, so the model makes it a second time.
  const script = scripted(bash('test -e begun || { touch begun; sleep 300; }'), { history: true });
  const { id } = await manager.create({ ...script, prompt: 'Wait', cwd });
  await expect.poll(() => readdir(cwd), { timeout: 60_000 }).toContain('begun');
  await manager.pause(id);
  await manager.continue(id, 'Do not wait');
  const ended = await manager.waitFor(id);
  expect(ended).toMatchObject({ status: 'completed', result: { text: expect.stringContaining('Do not wait') } });

  const other = await manager.create({ ...scripted(bash('sleep 300')), prompt: 'Wait', cwd });
  await nextEvent(manager, ({ type }) => type === 'session:tool');
  await manager.pause(other.id);
  expect(await manager.cancel(other.id)).toMatchObject({ status: 'cancelled' });
  expect(await containersOf(other)).toEqual([]);
});

it('the time limit of an approval stops while the session is paused', async () => {
  const policy = { rules: [{ tool: 'Bash', decision: 'ask' as const }], approvalTimeoutMs: 6_000 };
  const { manager } = await testManager({ policy });
  const cwd = await tempFolder();
  const { id } = await manager.create({ ...scripted(bash('touch it'), { text: 'Done.' }), prompt: 'Touch', cwd });
  const asked = await manager.waitFor(id, { status: 'waiting_feedback' });
  await manager.pause(id);
  const deadline = asked.pendingApproval?.deadline ?? 0;
  await delay(deadline + 500 - Date.now()); // Nothing happens: there is no event to wait for.
  const resumed = await manager.resume(id);
  expect(resumed.status).toBe('waiting_feedback');
  expect(resumed.pendingApproval?.deadline).toBeGreaterThan(Date.now());
  await manager.approve(id, resumed.pendingApproval?.requestId ?? '');
  await manager.waitFor(id);
  expect((await stat(join(cwd, 'it'))).isFile()).toBe(true);
});
