import { EventFrames } from './event-frames.js';
import type { PageMessage } from './page-store.js';

/** The server pings every 15 seconds; a sleeping machine's connection can look open and be dead. */
const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;

/** How the page gets in. */
export interface Access {
  /** Headers that bring the token. */
  headers(): Record<string, string>;
  /** Told that the server takes no request with these headers. */
  refused(): void;
  /** Tells when the headers change; answers how to end that. */
  onChange(listener: () => void): () => void;
}

/**
 * Reads the server's events and takes up where it was after a connection is lost. Answers how to end it.
 *
 * It reads with `fetch`: an EventSource cannot send the token.
 */
export function connectFeed(url: URL, access: Access, apply: (message: PageMessage) => void): () => void {
  let current: AbortController | undefined;
  let lastEventId = '';
  let heardAt = performance.now();
  /** A connection that is open or being opened; one that the server refuses is not tried again with the same token. */
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

  // What brings a machine back tells so; nobody should have to wait for the silence to be noticed.
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
