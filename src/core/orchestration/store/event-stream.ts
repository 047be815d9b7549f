import type { EventEmitter } from 'eventemitter3';
import type { SessionEvent, SessionManagerEvents } from '../session/events.js';
import type { EventStreamOptions } from '../session/sessions.js';
import { OrchestrationError } from '../util/errors.js';

/** How many events may wait for a slow reader. */
const MOST_WAITING = 10_000;

/** The events of an emitter, from the call on, until `closed` is aborted. */
export function emittedEvents(
  emitter: EventEmitter<SessionManagerEvents>,
  closed: AbortSignal,
  options: EventStreamOptions,
): AsyncIterableIterator<SessionEvent> {
  const subscribe: Subscribe = (listener) => {
    emitter.on('event', listener);
    return () => emitter.off('event', listener);
  };
  return eventStream(subscribe, closed, options);
}

/** Registers a listener for all events. Returns the function that removes it. */
export type Subscribe = (listener: (event: SessionEvent) => void) => () => void;

/**
 * Events as an async iterable. It listens from the call on, not only from the first `next()`, so no event between the two is
 * missed. Leaving the loop stops the listening. If a reader falls 10,000 events behind, it gets those and then the error
 * `EVENTS_OVERFLOW`, instead of a silent gap.
 */
export function eventStream(
  subscribe: Subscribe,
  closed: AbortSignal,
  options: EventStreamOptions,
): AsyncIterableIterator<SessionEvent> {
  const waiting: SessionEvent[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  let overflow: OrchestrationError | undefined;

  const unsubscribe = subscribe((event) => {
    if (options.sessionId !== undefined && event.sessionId !== options.sessionId) return;
    if (waiting.length >= MOST_WAITING) {
      overflow = new OrchestrationError(
        'EVENTS_OVERFLOW',
        `A reader of events() is ${MOST_WAITING} events behind; read faster, or filter by sessionId.`,
      );
      end();
      return;
    }
    waiting.push(event);
    wake?.();
  });
  const end = (): void => {
    ended = true;
    unsubscribe();
    closed.removeEventListener('abort', end);
    options.signal?.removeEventListener('abort', end);
    wake?.();
  };
  closed.addEventListener('abort', end);
  options.signal?.addEventListener('abort', end);
  if (closed.aborted || options.signal?.aborted) end();

  async function* read(): AsyncGenerator<SessionEvent, void> {
    try {
      while (true) {
        // Taken as a batch, because removing single events from the front of a long array would be slow.
        for (const event of waiting.splice(0)) yield event;
        if (waiting.length > 0) continue;
        if (overflow) throw overflow;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    } finally {
      end();
    }
  }
  const reader = read();
  return {
    next: () => reader.next(),
    // A generator on which `next()` was never called does not run its `finally`.
    return: () => {
      end();
      return reader.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
