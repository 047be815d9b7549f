import type { SessionEvent, UnifiedSessionManager } from 'autonomous-orchestration';
import { scriptedRun } from 'autonomous-orchestration/testing';
import fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { EventFeed } from '../../../src/handlers/http/event-feed.js';
import { EventHistory } from '../../../src/handlers/http/event-history.js';
import { Readers } from '../../../src/handlers/http/readers.js';
import { FeedReader, type Frame } from '../../support/feed-reader.js';
import { AUTHORIZED, appOn, testApp } from '../../support/http-app.js';
import { runningSession } from '../../support/sessions.js';
import { DONE, ENDLESS, nextEvent, simulate } from '../../support/simulate.js';

const session = runningSession({ id: 'made-up' });

/** Makes a manager emit messages that no agent wrote: as many as a test needs, at once. */
function say(manager: UnifiedSessionManager, count: number, text = 'x'): void {
  const event: SessionEvent = { type: 'session:message', sessionId: session.id, at: 1, session, text };
  for (let index = 0; index < count; index++) manager.emit('event', event);
}

async function open(app: Hono, headers: Record<string, string> = {}, query = ''): Promise<FeedReader> {
  const reader = new FeedReader(await app.request(`/events${query}`, { headers: { ...AUTHORIZED, ...headers } }));
  onTestFinished(() => reader.close());
  return reader;
}

const isEvent = (type: SessionEvent['type']) => (frame: Frame) => frame.event === 'event' && frame.data.type === type;
const eventsIn = (frames: readonly Frame[]) => frames.filter(({ event }) => event === 'event').map(({ data }) => data);
const numberOf = ({ id = '' }: Frame): number => Number(id.split('-').at(-1));

describe('/events', () => {
  it('/events begins with a snapshot and continues with each event', async () => {
    const { app, manager, events, workspace } = testApp(DONE);
    await manager.waitFor((await manager.create({ prompt: 'x', taskId: 'a' })).id);
    const reader = await open(app);
    const seen = events.length;
    const snapshot = await reader.next();
    expect(snapshot).toMatchObject({ event: 'snapshot', id: expect.stringMatching(/^[\w-]{8}-\d+$/) });
    expect(snapshot?.data).toEqual({
      sessions: [expect.objectContaining({ taskId: 'a', state: 'completed' })],
      queue: manager.queueStatus(),
      workspaces: [workspace],
    });
    const { id } = await manager.create({ prompt: 'x', taskId: 'b' });
    const frames = await reader.until((frame) => isEvent('queue:changed')(frame) && frame.data.queue.running === 0);
    expect(eventsIn(frames).map(({ type }) => type)).toEqual(events.slice(seen).map(({ type }) => type));
    expect(eventsIn(frames).map((event) => event.id)).toEqual(
      eventsIn(frames).map((_, index) => numberOf(snapshot as Frame) + 1 + index),
    );
    for (const frame of frames.filter(({ event }) => event === 'event')) expect(numberOf(frame)).toBe(frame.data.id);
    const ended = frames.findLast(({ event }) => event === 'session');
    expect(ended?.data).toMatchObject({ id, taskId: 'b', status: 'completed', stats: { lastOutput: 'Done.' } });
  });

  it('/events sends a retry time and is neither cached, buffered nor compressed', async () => {
    const { app } = testApp(DONE);
    const response = await app.request('/events', { headers: { ...AUTHORIZED, 'Accept-Encoding': 'gzip' } });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    expect(response.headers.has('Content-Encoding')).toBe(false);
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toMatch(/^retry: \d+\n\n/);
    await reader?.cancel();
  });

  it('/events loses and repeats no event, wherever the connection breaks', async () => {
    const turns = Array.from({ length: 6 }, (_, index) => ({ text: `line\n${index}`, afterMs: index % 2 }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(15), { maxLength: 12 }), async (breaks) => {
        const { manager, events } = simulate(() => scriptedRun(turns), { maxConcurrent: 2 });
        const { app } = appOn(manager);
        let reader = new FeedReader(await app.request('/events', { headers: AUTHORIZED }));
        let lastId = (await reader.next())?.id ?? '';
        const sessions = await Promise.all(['a', 'b', 'c'].map((taskId) => manager.create({ prompt: 'x', taskId })));
        const over = Promise.all(sessions.map(({ id }) => manager.waitFor(id)));

        const told: SessionEvent['type'][] = [];
        const numbers: number[] = [];
        const states = new Map<string, string>();
        const read = (frame: Frame): void => {
          expect(frame.event).not.toBe('snapshot');
          if (frame.event === 'session') states.set(frame.data.id, frame.data.state);
          if (frame.event !== 'event') return;
          told.push(frame.data.type);
          numbers.push(frame.data.id);
          lastId = frame.id ?? '';
        };
        const again = async () => {
          await reader.close();
          reader = new FeedReader(
            await app.request('/events', { headers: { ...AUTHORIZED, 'Last-Event-ID': lastId } }),
          );
        };
        const isLast = (frame: Frame) => isEvent('queue:changed')(frame) && frame.data.queue.running === 0;
        let ended = false;
        for (const frames of breaks) {
          for (let index = 0; index < frames && !ended; index++) {
            const frame = (await reader.next()) as Frame;
            read(frame);
            ended = isLast(frame);
          }
          await again();
        }
        if (!ended) for (const frame of await reader.until(isLast)) read(frame);
        await over;
        await reader.close();
        expect(told).toEqual(events.map(({ type }) => type));
        expect(numbers).toEqual(events.map((_, index) => index + 1));
        // Wherever the connection broke, the last known state of each session is its end.
        expect([...states.values()]).toEqual(['completed', 'completed', 'completed']);
      }),
      { numRuns: 15 },
    );
  });

  it('/events continues after the last event id in the header or in the address', async () => {
    const { app, manager } = testApp(DONE);
    const first = await open(app);
    const { id = '' } = (await first.next()) ?? {};
    say(manager, 3);
    const [frame] = await first.until(({ event }) => event === 'event');
    const lastId = frame?.id ?? '';
    for (const reader of [
      await open(app, { 'Last-Event-ID': lastId }),
      await open(app, {}, `?lastEventId=${lastId}`),
      // A page that was opened with an old address sends its current position in the header.
      await open(app, { 'Last-Event-ID': lastId }, `?lastEventId=${id}`),
    ])
      expect((await reader.until(({ data }) => data.id === 3)).map(({ data }) => data.id)).toEqual([2, 3]);
  });

  it('/events sends a snapshot if the last event id is foreign, unknown or in the future', async () => {
    const { app, manager } = testApp(DONE);
    const [other, own] = [await open(testApp(DONE).app), await open(app)];
    const foreign = (await other.next())?.id ?? '';
    const known = (await own.next())?.id ?? '';
    say(manager, 1);
    for (const lastId of [
      foreign,
      known.replace(/\d+$/, '2'),
      known.replace(/\d+$/, '9'.repeat(15)),
      known.replace(/-\d+$/, ''),
      'x',
      '-',
      '1',
    ])
      expect(await (await open(app, { 'Last-Event-ID': lastId })).next(), lastId).toMatchObject({ event: 'snapshot' });
    expect(await (await open(app, { 'Last-Event-ID': known })).next()).toMatchObject({ event: 'event' });
  });

  it('/events sends a snapshot to a reader that was away for too long', async () => {
    const { app, manager } = testApp(DONE);
    const reader = await open(app);
    const { id = '' } = (await reader.next()) ?? {};
    await reader.close();
    say(manager, 20_000);
    expect(await (await open(app, { 'Last-Event-ID': id })).next()).toMatchObject({ event: 'event', data: { id: 1 } });
    say(manager, 1);
    const late = await open(app, { 'Last-Event-ID': id });
    const snapshot = (await late.next()) as Frame;
    expect([snapshot.event, numberOf(snapshot)]).toEqual(['snapshot', 20_001]);
    say(manager, 1);
    expect(await late.next()).toMatchObject({ event: 'event', data: { id: 20_002 } });
  });

  it('/events reports which session gets a slot and the positions of queued sessions', async () => {
    const { app, manager } = testApp(ENDLESS, { maxConcurrent: 1 });
    const [first, , third] = await Promise.all(
      ['a', 'b', 'c'].map((taskId) => manager.create({ prompt: 'x', taskId })),
    );
    await manager.waitFor(first?.id ?? '', { status: 'running' });
    const reader = await open(app);
    const snapshot = await reader.next();
    expect(snapshot?.data.sessions.map(({ queuePosition }: Frame['data']) => queuePosition)).toEqual([undefined, 1, 2]);
    await manager.cancel(first?.id ?? '');
    const frames = await reader.until(isEvent('session:started'));
    const starting = frames.findLast(({ event, data }) => event === 'session' && data.taskId === 'b');
    expect(starting?.data).not.toHaveProperty('queuePosition');
    expect(frames.findLast(isEvent('queue:changed'))?.data.queue.items).toEqual([{ id: third?.id, position: 1 }]);
  });

  it('/events reports only the first 100 sessions of a long queue', async () => {
    const { app, manager } = testApp(ENDLESS, { maxConcurrent: 1, maxQueued: 200 });
    const reader = await open(app);
    for (let count = 0; count < 150; count++) await manager.create({ prompt: 'x' });
    const frames = await reader.until((frame) => isEvent('queue:changed')(frame) && frame.data.queue.queued === 149);
    expect(frames.findLast(isEvent('queue:changed'))?.data.queue.items).toHaveLength(100);
  });

  it('/events writes only limited pieces to a slow reader', async () => {
    const { app, manager } = testApp(DONE);
    const reader = await open(app);
    const { id = '' } = (await reader.next()) ?? {};
    say(manager, 1_000, 'x'.repeat(4_000));
    const body = (await app.request('/events', { headers: { ...AUTHORIZED, 'Last-Event-ID': id } })).body?.getReader();
    onTestFinished(() => body?.cancel());
    let most = 0;
    for (let total = 0; total < 4_000_000; ) {
      const { value } = (await body?.read()) ?? {};
      most = Math.max(most, value?.length ?? 0);
      total += value?.length ?? 0;
    }
    expect(most).toBeLessThan(300_000);
  });

  it('/events accepts 64 readers, and another one when a reader leaves', async () => {
    const { app } = testApp(DONE);
    const readers: FeedReader[] = [];
    for (let count = 0; count < 64; count++) readers.push(await open(app));
    expect((await app.request('/events', { headers: AUTHORIZED })).status).toBe(503);
    await readers[0]?.close();
    await expect
      .poll(
        async () => (await app.request('/events', { headers: AUTHORIZED, signal: AbortSignal.timeout(100) })).status,
      )
      .toBe(200);
  });

  it('/events pings a reader while nothing happens', async () => {
    const { app, manager } = testApp(DONE);
    const changed = vi.spyOn(EventHistory.prototype, 'changed');
    onTestFinished(() => changed.mockRestore());
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const reader = await open(app);
    await reader.next();
    while (changed.mock.calls.length === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(15_000);
    expect(await reader.next()).toEqual({ event: 'ping', data: {} });
    say(manager, 1);
    expect(await reader.next()).toMatchObject({ event: 'event' });
  });

  it('/events leaves nothing behind when the connection is closed', async () => {
    const { app, manager } = testApp(DONE);
    const before = manager.listenerCount('event');
    const changed = vi.spyOn(EventHistory.prototype, 'changed');
    const after = vi.spyOn(EventHistory.prototype, 'after');
    onTestFinished(() => void vi.restoreAllMocks());
    const gone = new AbortController();
    const readers = [
      await open(app),
      new FeedReader(await app.request('/events', { headers: AUTHORIZED, signal: gone.signal })),
    ];
    for (const reader of readers) await reader.next();
    while (changed.mock.calls.length < 2) await new Promise(setImmediate);
    expect(manager.listenerCount('event')).toBe(before);

    // A server may cancel the body, or abort the request.
    await readers[0]?.close();
    gone.abort();
    // The feed no longer waits for events: this resolves long before the next ping.
    await Promise.all(changed.mock.results.map(({ value }) => value));
    await new Promise(setImmediate);
    const calls = after.mock.calls.length;
    say(manager, 10);
    await new Promise(setImmediate);
    expect([after.mock.calls.length, changed.mock.calls.length]).toEqual([calls, 2]);
  });

  it('/events keeps nothing for a slow reader and does not delay other readers', async () => {
    const { manager } = simulate(DONE);
    const history = EventHistory.of(manager);
    const view = vi.fn(history.after.bind(history));
    const watched = new Proxy(history, {
      get: (target, key) => {
        if (key === 'after') return view;
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const feed = new EventFeed({ manager, history: watched, workspaces: [], readers: new Readers() });
    const slowApp = new Hono().get('/events', (context) => feed.answer(context));
    const slow = await open(slowApp);
    const fast = await open(appOn(manager).app);
    await Promise.all([slow.next(), fast.next()]);

    const [bursts, size] = [50, 100];
    for (let burst = 1; burst <= bursts; burst++) {
      say(manager, size);
      await fast.until(({ data }) => data.id === burst * size);
    }
    // The reader has one piece, and one piece waits to be read; the rest is in the history, which all readers share.
    expect(view.mock.calls.length).toBeLessThan(8);
    const frames = await slow.until(({ data }) => data.id === bursts * size);
    expect(eventsIn(frames).map(({ id }) => id)).toEqual(
      Array.from({ length: bursts * size }, (_, index) => index + 1),
    );
  });

  it('/events sends a slow reader a snapshot if the missed events are gone', async () => {
    const { app, manager } = testApp(DONE);
    const reader = await open(app);
    await reader.next();
    say(manager, 1);
    await reader.until(({ event }) => event === 'event');
    for (let burst = 0; burst < 5; burst++) {
      say(manager, 20_001);
      await new Promise(setImmediate);
    }
    await reader.until((frame) => frame.event === 'snapshot' && numberOf(frame) === 100_006);
    say(manager, 1);
    expect(await reader.next()).toMatchObject({ event: 'event', data: { id: 100_007 } });
  });

  it('/events continues when the manager is closed, and reports the end of its sessions', async () => {
    const { app, manager } = testApp(ENDLESS);
    const said = nextEvent(manager, 'session:message');
    await manager.create({ prompt: 'x' });
    await said;
    const reader = await open(app);
    await reader.next();
    await manager.close({ sessions: 'cancel' });
    const [ended] = (await reader.until(isEvent('session:cancelled'))).slice(-1);
    expect(ended?.data).toMatchObject({ type: 'session:cancelled' });
    expect(await (await open(app)).next()).toMatchObject({
      event: 'snapshot',
      data: { sessions: [{ state: 'cancelled' }] },
    });
  });
});
