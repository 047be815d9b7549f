import { expect, it } from 'vitest';
import { type PageMessage, PageStore } from '../../src/dashboard/page-store.js';
import type { FeedEvent } from '../../src/handlers/index.js';
import { sessionView } from '../../src/handlers/session-view.js';
import { runningSession, sessionIn } from '../support/sessions.js';

const QUEUE = { running: 1, queued: 0, maxConcurrent: 5, maxQueued: 100, items: [] };

/** A store whose frames the test draws, and how often its listener was notified. */
function pageStore() {
  const frames: (() => void)[] = [];
  const store = new PageStore((work) => frames.push(work));
  const draw = (): void => {
    for (const work of frames.splice(0)) work();
  };
  const told = { times: 0 };
  const unsubscribe = store.subscribe(() => void told.times++);
  return { store, frames, draw, told, unsubscribe };
}

function snapshotOf(...ids: string[]): PageMessage {
  const sessions = ids.map((id) => sessionView(runningSession({ id })));
  return { type: 'snapshot', snapshot: { sessions, queue: QUEUE, workspaces: ['/work'] } };
}

function sessionMessage(id: string, status: Parameters<typeof sessionIn>[0] = 'running'): PageMessage {
  return { type: 'session', session: sessionView(sessionIn(status, { id })) };
}

function message(id: number): FeedEvent {
  return { type: 'session:message', id, sessionId: 'a', at: id, text: `${id}` };
}

it('many messages cause one notification in the next frame, and later messages cause another', () => {
  const { store, frames, draw, told } = pageStore();
  const empty = store.state();
  store.apply({ type: 'connection', connection: 'live' });
  store.apply(snapshotOf('a'));
  for (let index = 0; index < 1_000; index++) store.apply(sessionMessage(`${index}-x`));
  expect([frames.length, told.times]).toEqual([1, 0]);
  // The state stays the same object until listeners are notified of a new one.
  expect(store.state()).toBe(empty);
  draw();
  expect(told.times).toBe(1);
  expect(store.state()).toMatchObject({ connection: 'live', queue: QUEUE, workspaces: ['/work'] });
  expect(store.state().sessions.size).toBe(1_001);

  store.apply(sessionMessage('b'));
  expect(store.state().sessions.has('b')).toBe(false);
  draw();
  expect(told.times).toBe(2);
  expect(store.state().sessions.has('b')).toBe(true);
});

it('a message that changes nothing causes no notification', () => {
  const { store, draw, told } = pageStore();
  store.apply({ type: 'connection', connection: 'connecting' });
  store.apply({ type: 'event', event: message(1) });
  draw();
  expect(told.times).toBe(0);
});

it('an unsubscribed listener is not notified', () => {
  const { store, draw, told, unsubscribe } = pageStore();
  store.apply(sessionMessage('a'));
  unsubscribe();
  draw();
  expect(told.times).toBe(0);
  expect(store.state().sessions.has('a')).toBe(true);
});

it('an updated session keeps its place, a new session is last, and an earlier state is unchanged', () => {
  const { store, draw } = pageStore();
  store.apply(snapshotOf('a', 'b'));
  draw();
  const before = store.state();
  store.apply(sessionMessage('c'));
  store.apply(sessionMessage('a', 'completed'));
  draw();
  expect([...store.state().sessions].map(([id, { state }]) => [id, state])).toEqual([
    ['a', 'completed'],
    ['b', 'running'],
    ['c', 'running'],
  ]);
  expect([...before.sessions].map(([id, { state }]) => [id, state])).toEqual([
    ['a', 'running'],
    ['b', 'running'],
  ]);
});

it('a snapshot replaces all sessions and reports at once that events may be missing', () => {
  const { store, draw } = pageStore();
  let resets = 0;
  const end = store.onReset(() => void resets++);
  store.apply({ type: 'connection', connection: 'lost' });
  store.apply(snapshotOf('a', 'b'));
  store.apply(sessionMessage('c'));
  expect(resets).toBe(1);
  store.apply(snapshotOf('b', 'd'));
  expect(resets).toBe(2);
  draw();
  expect([...store.state().sessions.keys()]).toEqual(['b', 'd']);
  expect(store.state().connection).toBe('lost');
  end();
  store.apply(snapshotOf());
  expect(resets).toBe(2);
});

it('every event is passed on at once and in order', () => {
  const { store, frames } = pageStore();
  const seen: number[] = [];
  const end = store.onEvent(({ id }) => seen.push(id));
  store.apply({ type: 'event', event: message(1) });
  store.apply(sessionMessage('a'));
  store.apply({ type: 'event', event: message(2) });
  store.apply({ type: 'event', event: message(3) });
  expect([seen, frames.length]).toEqual([[1, 2, 3], 1]);
  end();
  store.apply({ type: 'event', event: message(4) });
  expect(seen).toEqual([1, 2, 3]);
});

it('an event of the queue updates the queue', () => {
  const { store, draw } = pageStore();
  const queue = { ...QUEUE, queued: 1, items: [{ id: 'a', position: 1 }] };
  store.apply(snapshotOf('a'));
  store.apply({ type: 'event', event: { type: 'queue:changed', id: 1, sessionId: 'a', at: 1, queue } });
  draw();
  expect(store.state().queue).toEqual(queue);
  expect(store.state().sessions.size).toBe(1);
});

it('a session that has to wait for others again loses its position', () => {
  const { store, draw } = pageStore();
  const tell = (queue: Partial<typeof QUEUE> & { blocked?: { id: string }[] }): void =>
    store.apply({
      type: 'event',
      event: { type: 'queue:changed', id: 1, sessionId: 'a', at: 1, queue: { ...QUEUE, ...queue } },
    });
  const session = sessionView(sessionIn('queued', { id: 'a', queuePosition: 2 }));
  store.apply({ type: 'session', session });
  tell({ blocked: [{ id: 'a' }] });
  draw();
  expect(store.state().sessions.get('a')).toMatchObject({ state: 'queued' });
  expect(store.state().sessions.get('a')).not.toHaveProperty('queuePosition');
});

it('a removed session disappears, and an event about another one changes nothing', () => {
  const { store, draw } = pageStore();
  const removed = (id: number, sessionId: string): PageMessage => ({
    type: 'event',
    event: { type: 'session:removed', id, sessionId, at: 1 },
  });
  store.apply(snapshotOf('a', 'b'));
  draw();
  const before = store.state();
  store.apply(removed(1, 'unknown'));
  draw();
  expect(store.state()).toBe(before);
  store.apply(removed(2, 'a'));
  draw();
  expect([...store.state().sessions.keys()]).toEqual(['b']);
  expect(before.sessions.size).toBe(2);
});
