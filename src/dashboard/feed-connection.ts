import { EventFrames } from './event-frames.js';
import type { PageMessage } from './page-store.js';

/**
 * After this time without data the connection counts as dead. The server pings every 15 seconds. After a machine has slept, a
 * dead connection can still look open.
 */
const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;

/** Authorizes the page's requests. */
export interface Access {
  /** Headers with the token. */
  headers(): Record<string, string>;
  /** Called when the server refuses requests with these headers. */
  refused(): void;
  /** Calls the listener when the headers change. Returns a function that removes the listener. */
  onChange(listener: () => void): () => void;
}

/**
 * Reads the server's events. After a lost connection it reconnects and continues after the last event. Returns a function that
 * closes the connection.
 *
 * Uses `fetch`, because an EventSource cannot send the token.
 */
export function connectFeed(url: URL, access: Access, apply: (message: PageMessage) => void): () => void {
  let current: AbortController | undefined;
  let lastEventId = '';
  let heardAt = performance.now();
  /** `open`: connected or connecting. `lost`: retried soon. `refused`: not retried before the token changes. */
  let state: 'open' | 'lost' | 'refused' = 'lost';

  function told(name: string, data: string, id: string): void {
    if (id !== '') lastEventId = id;
    if (name === 'snapshot') apply({ type: 'snapshot', snapshot: JSON.parse(data) });
    if (name === 'session') apply({ type: 'session', session: JSON.parse(data) });
    if (name === 'event') apply({ type: 'event', event: JSON.parse(data) });
  }

  async function read({ signal }: AbortController): Promise<void> {
    const resuming: Record<string, string> = lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId };
    const response = await fetch(url, { headers: { ...access.headers(), ...resuming }, signal, cache: 'no-store' });
    if (signal.aborted) return;
    if (response.status === 401) {
      state = 'refused';
      apply({ type: 'connection', connection: 'refused' });
      access.refused();
      return;
    }
    if (!response.ok || !response.body) throw new Error(`The server answered with status ${response.status}.`);
    heardAt = performance.now();
    apply({ type: 'connection', connection: 'live' });
    const frames = new EventFrames(told);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('The server ended the connection.');
      heardAt = performance.now();
      frames.add(value);
    }
  }

  function open(): void {
    current?.abort();
    heardAt = performance.now();
    if (lastEventId !== '') apply({ type: 'connection', connection: 'lost' });
    const opened = new AbortController();
    current = opened;
    state = 'open';
    read(opened).catch(() => {
      if (opened.signal.aborted) return;
      state = 'lost';
      apply({ type: 'connection', connection: 'lost' });
    });
  }

  const watch = window.setInterval(() => {
    const isSilent = state === 'open' && performance.now() - heardAt > SILENCE_MS;
    if (state === 'lost' || isSilent) open();
  }, RETRY_MS);

  // The browser says when the machine is online again, so reconnect at once instead of waiting for SILENCE_MS.
  const online = (): void => {
    if (state !== 'refused') open();
  };
  const endChanges = access.onChange(() => {
    if (state === 'refused' && Object.keys(access.headers()).length > 0) open();
  });
  window.addEventListener('online', online);
  open();
  return () => {
    window.clearInterval(watch);
    window.removeEventListener('online', online);
    endChanges();
    current?.abort();
  };
}
