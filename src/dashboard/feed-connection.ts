import type { PageMessage } from './page-store.js';

/** The server pings every 15 seconds; a sleeping machine's connection can look open and be dead. */
const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;

/**
 * Reads the server's events and takes up where it was after a connection is lost. Answers how to end it.
 *
 * EventSource tries again by itself, but not where the server answers with an error or nothing comes any more.
 */
export function connectFeed(url: URL, apply: (message: PageMessage) => void): () => void {
  let source: EventSource | undefined;
  let lastEventId = '';
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };

  function open(): void {
    source?.close();
    heard();
    if (lastEventId !== '') {
      apply({ type: 'connection', connection: 'lost' });
      url.searchParams.set('lastEventId', lastEventId);
    }
    const current = new EventSource(url);
    source = current;
    const on = (name: string, message: (data: string) => PageMessage | undefined): void => {
      current.addEventListener(name, (event: MessageEvent<string>) => {
        heard();
        if (event.lastEventId !== '') lastEventId = event.lastEventId;
        const told = message(event.data);
        if (told) apply(told);
      });
    };
    on('snapshot', (data) => ({ type: 'snapshot', snapshot: JSON.parse(data) }));
    on('session', (data) => ({ type: 'session', session: JSON.parse(data) }));
    on('event', (data) => ({ type: 'event', event: JSON.parse(data) }));
    on('ping', () => undefined);
    current.addEventListener('open', () => {
      heard();
      apply({ type: 'connection', connection: 'live' });
    });
    current.addEventListener('error', () => {
      apply({ type: 'connection', connection: 'lost' });
    });
  }

  const watch = window.setInterval(() => {
    const isClosed = source?.readyState === EventSource.CLOSED;
    if (isClosed || performance.now() - heardAt > SILENCE_MS) open();
  }, RETRY_MS);

  // What brings a machine back tells so; nobody should have to wait for the silence to be noticed.
  const online = (): void => open();
  window.addEventListener('online', online);
  open();
  return () => {
    window.clearInterval(watch);
    window.removeEventListener('online', online);
    source?.close();
  };
}
