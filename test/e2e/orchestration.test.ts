import type { SessionEvent, UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it } from 'vitest';
import { bash, casting, containersOf, tempFolder, testManager } from './support.js';

const LEAD = [
  bash('for name in a b c d; do orchestrate create "Child $name" || exit 1; done'),
  bash('orchestrate wait'),
  bash('orchestrate list --json; orchestrate logs "$(orchestrate list | head -n 1 | cut -f 1)"'),
  { text: 'All done.' },
];
const CHILD = [bash('sleep 0.3'), { text: 'Child done.' }];

/** The most sessions that were at work at once, as their events tell. */
function mostAtWork(events: readonly SessionEvent[]): number {
  const statuses = new Map<string, UnifiedSession['status']>();
  let most = 0;
  for (const event of events) {
    if (!('session' in event)) continue;
    statuses.set(event.sessionId, event.session.status);
    const working = [...statuses.values()].filter((status) => status === 'running' || status === 'starting').length;
    most = Math.max(most, working);
  }
  return most;
}

const childrenOf = (manager: UnifiedSessionManager, { id }: UnifiedSession): UnifiedSession[] =>
  manager.list({ parentId: id });

it('one parent leads four children, two at work at a time, and hears of each', async () => {
  const cwd = await tempFolder();
  const { manager, events } = await testManager({ maxConcurrent: 2 });
  const parent = await manager.create({
    mode: 'orchestration',
    prompt: 'Lead',
    cwd,
    ...casting({ Lead: LEAD, Child: CHILD }),
  });
  const done = await manager.waitFor(parent.id);
  expect(done).toMatchObject({ status: 'completed', result: { text: 'All done.' } });
  const children = childrenOf(manager, done);
  expect(children.map(({ status, mode }) => [status, mode])).toEqual(Array(4).fill(['completed', 'autonomous']));
  expect(mostAtWork(events)).toBe(2);
  expect(await containersOf()).toEqual([]);
});
it('three parents lock no queue', async () => {
  const cwd = await tempFolder();
  const { manager, events } = await testManager({ maxConcurrent: 2, maxQueued: 20 });
  const create = () =>
    manager.create({ mode: 'orchestration', prompt: 'Lead', cwd, ...casting({ Lead: LEAD, Child: CHILD }) });
  const parents = await Promise.all([create(), create(), create()]);
  const ends = await Promise.all(parents.map(({ id }) => manager.waitFor(id)));
  expect(ends.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
  expect(ends.flatMap((end) => childrenOf(manager, end)).map(({ status }) => status)).toEqual(
    Array(12).fill('completed'),
  );
  expect(mostAtWork(events)).toBe(2);
});
