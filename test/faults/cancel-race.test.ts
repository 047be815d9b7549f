import { setTimeout as delay } from 'node:timers/promises';
import type { UnifiedSession } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { containersLeft, countEnds, figure, quick, seededRandom, size, tempFolder, testManager } from './support.js';

const SIMULATED = size(200, 1_000);
const IN_CONTAINERS = size(24, 60);

it(`${SIMULATED} sessions that are cancelled near their natural end each end once and free their slot`, async () => {
  const random = seededRandom();
  // Every tenth session runs for an hour unless it is cancelled, so that some are cancelled on any machine.
  const lastsMs = Array.from({ length: SIMULATED }, (_, index) =>
    index % 10 === 0 ? 3_600_000 : Math.floor(random() * 4),
  );
  const executor = new SimulatedExecutor(({ session }) =>
    scriptedRun([{ text: 'At work.', afterMs: lastsMs[Number(session.taskId)] ?? 0 }]),
  );
  const { manager } = await testManager({
    executors: { autonomous: executor },
    maxConcurrent: 20,
    maxQueued: SIMULATED,
  });
  const ends = countEnds(manager);
  const cwd = await tempFolder();

  const answers = await Promise.all(
    Array.from({ length: SIMULATED }, async (_, index) => {
      const { id } = await manager.create({ prompt: 'x', taskId: `${index}`, cwd });
      const late = random() * 100; // Even with few sessions, some end before their cancel and some do not.
      // Some are cancelled while queued or starting, some inside an event, some at a moment of the run, some after the end.
      if (index % 10 === 0) return manager.cancel(id);
      if (index % 10 === 9) return manager.waitFor(id).then(() => manager.cancel(id));
      await manager.waitFor(id, { status: ['running', 'completed'] });
      if (index % 10 !== 1) await delay(late);
      return manager.cancel(id);
    }),
  );

  expect([...ends.values()]).toEqual(Array(SIMULATED).fill(1));
  expect(ends.size).toBe(SIMULATED);
  expect(answers).toEqual(answers.map(({ id }) => manager.get(id)));
  const [cancelled, completed] = [count(answers, 'cancelled'), count(answers, 'completed')];
  expect(cancelled + completed).toBe(SIMULATED);
  expect(cancelled).toBeGreaterThanOrEqual(SIMULATED / 10);
  expect(completed).toBeGreaterThanOrEqual(SIMULATED / 10);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0, items: [] });
  figure(
    `${SIMULATED} cancels racing the end (simulated)`,
    `${cancelled} cancelled, ${completed} completed, one end each`,
  );
});

it(`${IN_CONTAINERS} containers that are cancelled near their natural end each end once and free their slot`, async () => {
  const random = seededRandom(7);
  const { manager } = await testManager({ maxConcurrent: 4, maxQueued: 100 });
  const ends = countEnds(manager);
  const cwd = await tempFolder();

  const answers = await Promise.all(
    Array.from({ length: IN_CONTAINERS }, async (_, index) => {
      // The first of every twelve ends only by its cancel, so that some are cancelled on any machine.
      const lasts = index % 12 === 0 ? '300' : (random() * 0.1).toFixed(3);
      const late = random() * 600;
      const { id } = await manager.create({ ...quick(`init; sleep ${lasts}; result`), prompt: `${index}`, cwd });
      if (index % 12 === 11) await manager.waitFor(id);
      else await manager.waitFor(id, { status: ['starting', 'running', 'completed'] });
      if (index % 12 !== 0) await delay(late);
      return manager.cancel(id);
    }),
  );

  expect([...ends.values()]).toEqual(Array(IN_CONTAINERS).fill(1));
  const [cancelled, completed] = [count(answers, 'cancelled'), count(answers, 'completed')];
  expect(cancelled + completed).toBe(IN_CONTAINERS);
  expect(cancelled).toBeGreaterThanOrEqual(IN_CONTAINERS / 12);
  expect(completed).toBeGreaterThanOrEqual(IN_CONTAINERS / 12);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  expect(await containersLeft(answers)).toEqual([]);
  figure(
    `${IN_CONTAINERS} cancels racing the end (containers)`,
    `${cancelled} cancelled, ${completed} completed, one end each`,
  );
});

function count(sessions: readonly UnifiedSession[], status: UnifiedSession['status']): number {
  return sessions.filter((session) => session.status === status).length;
}
