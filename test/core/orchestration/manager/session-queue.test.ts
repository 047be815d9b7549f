import { setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_POLICY, type SessionDependency, type SessionManagerEvents } from 'autonomous-orchestration';
import { expect, it, onTestFinished } from 'vitest';
import { SessionQueue } from '../../../../src/core/orchestration/manager/session-queue.js';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import { SessionJournal } from '../../../../src/core/orchestration/store/disk/session-journal.js';
import { EventDelivery } from '../../../../src/core/orchestration/store/event-delivery.js';
import { SessionStore } from '../../../../src/core/orchestration/store/store.js';
import { SYSTEM_CLOCK } from '../../../../src/core/orchestration/util/clock.js';
import { IsolatedEmitter } from '../../../../src/core/orchestration/util/isolated-emitter.js';
import { tempFolder } from '../../../support/temp-folder.js';

const MANY = 1_000;

/** A queue with one slot and its records, without runs. The first session, `a`, has the slot. */
function scene() {
  const emitter = new IsolatedEmitter<SessionManagerEvents>();
  const journal = new SessionJournal({ docker: {}, policy: DEFAULT_POLICY });
  const store = new SessionStore(SYSTEM_CLOCK, new EventDelivery(emitter), journal);
  const end = (id: string, status: 'completed' | 'failed'): void => {
    store.dispatch(id, { type: 'ended', at: 0, status, result: { reason: status } });
    queue.leave(id);
  };
  const queue = new SessionQueue({
    store,
    clock: SYSTEM_CLOCK,
    stateDir: tempFolder(),
    maxConcurrent: 1,
    maxQueued: 2 * MANY,
    releaseSlotWhileWaiting: true,
    onStart: () => {},
    onDependencyFailed: (id) => end(id, 'failed'),
  });
  onTestFinished(() => queue.close());
  const create = (id: string, ...after: SessionDependency[]): void => {
    queue.admit(id, { after });
    const session = { id, mode: 'autonomous', environment: { docker: false, dockerImage: '', cwd: '/' } } as const;
    const blocked = after.length > 0 && { blocked: true as const };
    store.dispatch(id, { type: 'created', at: 0, ...blocked, session: { ...session, after } });
  };
  const idsOf = (status: 'queued' | 'failed') => store.registry.list({ status }).map(({ id }) => id);
  const actions: SessionAction['type'][] = [];
  store.follow({ onAction: (_, { type }) => void actions.push(type) });
  create('a');
  return { store, queue, create, end, idsOf, actions };
}

/** How many more actions there are after each turn of the event loop, until there are no more. */
async function turnsOf(actions: readonly string[]): Promise<number[]> {
  const counts: number[] = [];
  for (let before = actions.length; ; before = actions.length) {
    await turn();
    if (actions.length === before) return counts;
    counts.push(actions.length - before);
  }
}

it('the end of one session ends a thousand others in many turns of the event loop, in their order', async () => {
  const { create, end, idsOf, actions, queue } = scene();
  for (let count = 0; count < MANY; count++) create(`b${count}`, { id: 'a', on: 'completed' });
  actions.length = 0;
  end('a', 'failed');
  expect(actions.length).toBeLessThan(MANY / 4);
  expect(idsOf('failed').at(-1)).toBe(`b${actions.length - 2}`);
  expect(Math.max(...(await turnsOf(actions)))).toBeLessThan(MANY / 4);
  expect(idsOf('failed')).toHaveLength(MANY + 1);
  expect(queue.status()).toMatchObject({ running: 0, queued: 0 });
});

it('a chain of a thousand sessions ends in many turns of the event loop', async () => {
  const { create, end, idsOf, actions } = scene();
  for (let count = 0; count < MANY; count++) {
    create(`b${count}`, { id: count === 0 ? 'a' : `b${count - 1}`, on: 'completed' });
  }
  actions.length = 0;
  end('a', 'failed');
  expect(actions.length).toBeLessThan(MANY / 4);
  expect(Math.max(...(await turnsOf(actions)))).toBeLessThan(MANY / 4);
  expect(idsOf('failed')).toHaveLength(MANY + 1);
});

it('a thousand sessions that come into line are told of it in many turns of the event loop', async () => {
  const { create, end, idsOf, actions, queue, store } = scene();
  for (let count = 0; count < MANY; count++) create(`b${count}`, { id: 'a', on: 'ended' });
  actions.length = 0;
  end('a', 'failed');
  // All are in line at once, and only told later.
  expect(queue.status(0)).toMatchObject({ running: 1, queued: MANY - 1 });
  expect(queue.status()).not.toHaveProperty('blocked');
  expect(store.registry.get(`b${MANY - 1}`)?.queuePosition).toBe(MANY - 1);
  expect(actions.length).toBeLessThan(MANY / 4);
  expect(Math.max(...(await turnsOf(actions)))).toBeLessThan(MANY / 4);
  expect(actions.filter((type) => type === 'queued')).toHaveLength(MANY - 1);
  expect(idsOf('failed')).toEqual(['a']);
});

it('sessions that have not ended yet wait again when the session before them goes on', async () => {
  const { create, end, idsOf, store, queue } = scene();
  for (let count = 0; count < MANY; count++) create(`b${count}`, { id: 'a', on: 'completed' });
  end('a', 'failed');
  const ended = idsOf('failed').length - 1;
  queue.readmit('a');
  store.dispatch('a', { type: 'continued', at: 0, feedback: 'x' });
  queue.reopened('a');
  await turn();
  await turn();
  expect(idsOf('queued')).toHaveLength(MANY - ended);
  end('a', 'completed');
  expect(queue.status(0)).toMatchObject({ running: 1, queued: MANY - ended - 1 });
});

it('a queue that was closed ends no more sessions', async () => {
  const { create, end, idsOf, queue } = scene();
  for (let count = 0; count < MANY; count++) create(`b${count}`, { id: 'a', on: 'completed' });
  end('a', 'failed');
  queue.close();
  const waiting = idsOf('queued');
  expect(waiting.length).toBeGreaterThan(MANY / 2);
  await turn();
  await turn();
  expect(idsOf('queued')).toEqual(waiting);
});
