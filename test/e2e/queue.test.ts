import { OrchestrationError, type UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it, onTestFinished } from 'vitest';
import { resolveEndpoint } from '../../src/core/orchestration/docker/endpoint.js';
import { DockerEngine } from '../../src/core/orchestration/docker/engine.js';
import { containersGone, endedGone, scripted, tempFolder, testManager } from './support.js';

it('of fourteen sessions created at once, three run, ten are queued in order and one is refused', async () => {
  const { manager, events, stateDir } = await testManager();
  const cwd = await tempFolder();
  const most = await countContainers(manager);

  const answers = await Promise.allSettled(
    Array.from({ length: 14 }, (_, index) =>
      manager.create({ ...scripted({ text: 'ok' }), prompt: `${index}`, cwd, taskId: `${index}` }),
    ),
  );

  const sessions = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  expect(sessions.map(({ status }) => status)).toEqual([...Array(3).fill('starting'), ...Array(10).fill('queued')]);
  expect(sessions.map(({ queuePosition }) => queuePosition)).toEqual([
    undefined,
    undefined,
    undefined,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
  ]);
  const refused = answers[13];
  expect(refused?.status).toBe('rejected');
  expect((refused as PromiseRejectedResult).reason).toBeInstanceOf(OrchestrationError);
  expect((refused as PromiseRejectedResult).reason).toMatchObject({ code: 'QUEUE_FULL' });
  expect(manager.list()).toHaveLength(13);
  expect(manager.queueStatus()).toMatchObject({ running: 3, queued: 10, maxConcurrent: 3, maxQueued: 10 });

  const ended = await Promise.all(sessions.map(({ id }) => manager.waitFor(id)));

  expect(ended.map(({ status }) => status)).toEqual(Array(13).fill('completed'));
  const launched = ended.map(({ runs }) => runs[0]?.launchedAt ?? 0);
  expect(launched).toEqual(launched.toSorted((a, b) => a - b));
  expect(
    events.filter(({ type }) => type === 'session:created').map((event) => 'session' in event && event.session.taskId),
  ).toEqual(ended.map(({ taskId }) => taskId));
  expect(most()).toBe(3);
  await endedGone(manager);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0, items: [] });
  await containersGone({ stateDir });
});

/** Counts the running containers of a manager's sessions by the engine's own events. Returns the most there were at once. */
async function countContainers(manager: UnifiedSessionManager): Promise<() => number> {
  const engine = new DockerEngine(() => resolveEndpoint(process.env));
  const running = new Set<string>();
  let most = 0;
  const { end } = await engine.events(
    'autonomous-orchestration.session',
    ({ action, containerName }) => {
      if (!manager.list().some(({ id }) => containerName.includes(id))) return;
      if (action === 'start') running.add(containerName);
      else running.delete(containerName);
      most = Math.max(most, running.size);
    },
    () => {},
  );
  onTestFinished(() => {
    end();
    engine.close();
  });
  return () => most;
}
