import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SessionEvent, UnifiedSession } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { EventHistory, type FeedEvent } from '../../../src/handlers/http/event-history.js';
import { afterActions, guardRequest, observed, runningSession } from '../../support/sessions.js';
import { DONE, simulate } from '../../support/simulate.js';

const session = runningSession({ id: 'a' });

/** A history, and functions that make the manager emit events. */
function history() {
  const { manager } = simulate(DONE);
  const events = EventHistory.of(manager);
  const tell = (event: Partial<SessionEvent> & { type: SessionEvent['type'] }): void =>
    void manager.emit('event', { sessionId: 'a', at: 1, session, ...event } as SessionEvent);
  const say = (text: string): void => tell({ type: 'session:message', text });
  const all = (): FeedEvent[] => (events.after(0) ?? []).map(({ json }) => JSON.parse(json));
  return { manager, events, tell, say, all };
}

/** What a history keeps of a session. */
function of(events: EventHistory, sessionId: string): { text?: string }[] {
  return JSON.parse([...events.ofSession(sessionId)].join(''));
}

describe('EventHistory', () => {
  it('the history gives each event the next number and returns the events after a number', () => {
    const { events, say } = history();
    expect([events.lastId, events.after(0)]).toEqual([0, []]);
    for (const text of ['1', '2', '3']) say(text);
    expect(events.lastId).toBe(3);
    expect(events.after(1)?.map(({ id }) => id)).toEqual([2, 3]);
    expect(events.after(3)).toEqual([]);
  });

  it('the history returns undefined for a number that is still to come', () => {
    const { events, say } = history();
    say('1');
    expect(events.after(2)).toBeUndefined();
  });

  it('the history keeps the last 20,000 events', () => {
    const { events, say } = history();
    for (let count = 0; count < 45_000; count++) say('x');
    expect(events.after(25_000)).toHaveLength(20_000);
    expect(events.after(25_000)?.[0]?.id).toBe(25_001);
    expect(events.after(24_999)).toBeUndefined();
    expect(events.after(44_998)?.map(({ id }) => id)).toEqual([44_999, 45_000]);
    expect(of(events, 'a')).toHaveLength(20_000);
  });

  it('the history keeps at most 16 MiB of events', () => {
    const { events, say } = history();
    for (let count = 0; count < 6_000; count++) say('x'.repeat(4_000));
    const kept = of(events, 'a');
    const characters = JSON.stringify(kept).length - kept.length - 1;
    expect(characters).toBeLessThanOrEqual(16 * 2 ** 20);
    expect(characters).toBeGreaterThan(16 * 2 ** 20 - 5_000);
    expect(events.after(6_000 - kept.length)).toHaveLength(kept.length);
    expect(events.after(6_000 - kept.length - 1)).toBeUndefined();
  });

  it('the history frees dropped events at once', () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const { events, say } = history();
    say('x'.repeat(4_000));
    const first = new WeakRef(events.after(0)?.[0] as object);
    for (let count = 0; count < 4_500; count++) say('x'.repeat(4_000));
    expect(events.after(0)).toBeUndefined();
    return new Promise<void>((resolve) =>
      setImmediate(() => {
        collect();
        expect(first.deref()).toBeUndefined();
        resolve();
      }),
    );
  });

  it('the history keeps no record of a session and cuts long texts', () => {
    const { events, tell } = history();
    const text = 'x'.repeat(100_000);
    const input = { command: text, nested: { list: Array.from({ length: 200 }, () => text) } };
    const { startedAt = 0, ...run } = { number: 2, startedAt: 3, feedback: text };
    const result = { reason: 'error', text, error: text };
    tell({ type: 'session:started', run: { startedAt, ...run } });
    tell({ type: 'session:message', text });
    tell({ type: 'session:prompt', text });
    tell({ type: 'session:tool', tool: { id: 't', name: 'Bash', input, startedAt: 1 } });
    tell({ type: 'session:tool-result', toolUseId: 't', outcome: 'ok', output: text });
    tell({ type: 'session:approval', state: 'asked', request: guardRequest('r', { input }) });
    tell({ type: 'session:continued', feedback: text });
    for (const type of ['session:completed', 'session:failed', 'session:cancelled'] as const) tell({ type, result });
    const kept = of(events, 'a').map((event) => JSON.stringify(event));
    expect(kept).toHaveLength(10);
    for (const json of kept) {
      expect(json.length, json.slice(0, 80)).toBeLessThan(12_000);
      expect(JSON.parse(json)).not.toHaveProperty('session');
    }
  });

  it('an event has cost and tokens so far when they have changed', () => {
    const { tell, all } = history();
    const added = { input: 1, output: 2, cacheRead: 3, cacheCreation: 4 };
    tell({ type: 'session:message', text: 'x', session: observed(session, { kind: 'usage', added, costUsd: 0.5 }) });
    tell({ type: 'session:message', text: 'y' });
    expect(all()).toEqual([
      { type: 'session:message', sessionId: 'a', at: 1, text: 'x', id: 1, costUsd: 0.5, tokens: 10 },
      { type: 'session:message', sessionId: 'a', at: 1, text: 'y', id: 2 },
    ]);
  });

  it('the history keeps events of the queue unchanged', () => {
    const { manager, tell, all, events } = history();
    const queue = manager.queueStatus();
    tell({ type: 'queue:changed', queue });
    expect(all()).toMatchObject([{ type: 'queue:changed', sessionId: 'a', queue, id: 1 }]);
    expect(events.after(0)?.[0]?.queue).toBe(true);
  });

  it('the history returns the events of one session', () => {
    const { say, tell, events } = history();
    say('mine');
    const other: UnifiedSession = afterActions(runningSession({ id: 'b' }));
    tell({ type: 'session:message', text: 'theirs', sessionId: 'b', session: other });
    expect(of(events, 'b').map(({ text }) => text)).toEqual(['theirs']);
    expect(of(events, 'c')).toEqual([]);
  });

  it('changed() resolves at the next event, after the given time, or when it is aborted', async () => {
    const { events, say } = history();
    const never = new AbortController();
    const next = events.changed(60_000, never.signal);
    say('x');
    await next;
    await events.changed(1, never.signal);
    await events.changed(60_000, AbortSignal.abort());
    const gone = new AbortController();
    const aborted = events.changed(60_000, gone.signal);
    gone.abort();
    await aborted;
  });

  it('each manager has one history, which adds one listener', () => {
    const { manager } = simulate(DONE);
    const before = manager.listenerCount('event');
    const events = EventHistory.of(manager);
    expect(EventHistory.of(manager)).toBe(events);
    expect(manager.listenerCount('event')).toBe(before + 1);
    expect(EventHistory.of(simulate(DONE).manager)).not.toBe(events);
  });

  it('changed() is not resolved again by an event after its time is over', async () => {
    const { events, say } = history();
    const { signal } = new AbortController();
    const woken = vi.spyOn(signal, 'removeEventListener');
    await events.changed(1, signal);
    say('x');
    expect(woken).toHaveBeenCalledTimes(1);
  });

  it('changed() leaves no timer behind', async () => {
    const { events, say } = history();
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const changed = events.changed(60_000, new AbortController().signal);
    say('x');
    await changed;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('each history has an epoch of its own', () => {
    expect(history().events.epoch).not.toBe(history().events.epoch);
  });
});
