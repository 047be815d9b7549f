import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../../../src/core/orchestration/session/events.js';
import type { EventStreamOptions } from '../../../../src/core/orchestration/session/sessions.js';
import { eventStream } from '../../../../src/core/orchestration/store/event-stream.js';
import { errorOf } from '../../../support/errors.js';
import { createdSession } from '../../../support/sessions.js';

const session = createdSession();
const event = (at: number, sessionId = 'session'): SessionEvent => ({
  type: 'session:created',
  sessionId,
  at,
  session,
});

function streamOf(options: EventStreamOptions = {}): {
  stream: AsyncIterableIterator<SessionEvent>;
  tell: (...events: SessionEvent[]) => void;
  listeners: () => number;
  close: () => void;
} {
  const listeners = new Set<(event: SessionEvent) => void>();
  const closed = new AbortController();
  const subscribe = (listener: (event: SessionEvent) => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    stream: eventStream(subscribe, closed.signal, options),
    tell: (...events) => {
      for (const one of events) for (const listener of [...listeners]) listener(one);
    },
    listeners: () => listeners.size,
    close: () => closed.abort(),
  };
}

async function rest(stream: AsyncIterable<SessionEvent>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { at } of stream) seen.push(at);
  return seen;
}

describe('eventStream', () => {
  it('the event stream has all events since its creation, also those before the first next()', async () => {
    const { stream, tell, close } = streamOf();
    tell(event(1), event(2));
    const seen = rest(stream);
    tell(event(3));
    close();
    expect(await seen).toEqual([1, 2, 3]);
  });

  it('each event wakes a waiting reader', async () => {
    const { stream, tell } = streamOf();
    for (const at of [1, 2, 3]) {
      const next = stream.next();
      tell(event(at));
      expect(await next).toMatchObject({ done: false, value: { at } });
    }
  });

  it('the event stream can be limited to one session', async () => {
    const { stream, tell, close } = streamOf({ sessionId: 'mine' });
    tell(event(1, 'other'), event(2, 'mine'), event(3, 'other'), event(4, 'mine'));
    close();
    expect(await rest(stream)).toEqual([2, 4]);
  });

  it('the event stream ends when its signal is aborted, after the events before that', async () => {
    const abort = new AbortController();
    const { stream, tell, listeners } = streamOf({ signal: abort.signal });
    const seen = rest(stream);
    tell(event(1));
    abort.abort();
    tell(event(2));
    expect(await seen).toEqual([1]);
    expect(listeners()).toBe(0);
  });

  it('the event stream is empty if its signal is already aborted', async () => {
    const { stream, listeners } = streamOf({ signal: AbortSignal.abort() });
    expect(await rest(stream)).toEqual([]);
    expect(listeners()).toBe(0);
  });

  it('the subscription ends when the reader leaves its loop', async () => {
    const { stream, tell, listeners } = streamOf();
    tell(event(1), event(2));
    for await (const { at } of stream) {
      expect(at).toBe(1);
      break;
    }
    expect(listeners()).toBe(0);
    expect(await stream.next()).toMatchObject({ done: true });
  });

  it('the subscription ends when return() is called before the first read', async () => {
    const { stream, tell, listeners } = streamOf();
    await stream.return?.();
    tell(event(1));
    expect(listeners()).toBe(0);
    expect(await rest(stream)).toEqual([]);
  });

  it('a reader more than 10,000 events behind gets the first 10,000, then EVENTS_OVERFLOW, never a gap', async () => {
    const { stream, tell, listeners } = streamOf();
    tell(...Array.from({ length: 10_001 }, (_, at) => event(at)));
    expect(listeners()).toBe(0);
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { at } of stream) seen.push(at);
    };
    expect((await errorOf(reading(), 'EVENTS_OVERFLOW')).message).toContain('10000 events behind');
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, at) => at));
  });

  it('the event stream holds 10,000 unread events, and takes a new one for each that is read', async () => {
    const { stream, tell, close } = streamOf();
    tell(...Array.from({ length: 10_000 }, (_, at) => event(at)));
    await stream.next();
    tell(event(10_000));
    close();
    expect(await rest(stream)).toHaveLength(10_000);
  });
});
