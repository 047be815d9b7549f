import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { bash, containersLeft, figure, nextEvent, quick, scripted, tempFolder, testManager, until } from './support.js';

const LIMIT = 64;

it('a fork bomb does not affect other sessions, can be cancelled, and leaves no process', async () => {
  const { manager } = await testManager({ policy: { dangerous: 'allow' } });
  const cwd = await tempFolder();
  const { docker } = scripted(bash("bash -c 'bomb() { bomb | bomb & }; bomb; sleep 300'; sleep 300"), {
    text: 'never',
  });
  const called = nextEvent(manager, ({ type }) => type === 'session:tool');
  const bomb = await manager.create({ docker: { ...docker, pidsLimit: LIMIT, cpus: 1 }, prompt: 'Boom', cwd });
  await called;
  const { containerId } = manager.get(bomb.id)?.runs[0] ?? {};
  expect(containerId).toBeDefined();
  const most = await until('the bomb at its limit', async () => {
    const tasks = await tasksOf(containerId ?? '');
    return tasks >= LIMIT - 4 && tasks;
  });

  const neighbours = await Promise.all(
    [1, 2].map((n) => manager.create({ ...quick('init; result'), prompt: `${n}`, cwd })),
  );
  for (const { id } of neighbours) expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  expect(manager.get(bomb.id)?.status).toBe('running');

  const began = performance.now();
  const cancelled = await manager.cancel(bomb.id);
  const tookMs = Math.round(performance.now() - began);
  expect(cancelled.status).toBe('cancelled');
  expect(await containersLeft([cancelled])).toEqual([]);
  expect(await tasksOf(containerId ?? '')).toBe(0);
  expect(manager.queueStatus().running).toBe(0);
  figure(
    `fork bomb, pidsLimit ${LIMIT}`,
    `${most} tasks at most, 2 neighbours completed, cancelled in ${tookMs} ms, 0 tasks left`,
  );
});

/** How many threads of the machine are in a container. */
async function tasksOf(containerId: string): Promise<number> {
  let tasks = 0;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    if (groups.includes(containerId)) tasks += (await readdir(`/proc/${pid}/task`).catch(() => [])).length;
  }
  return tasks;
}
