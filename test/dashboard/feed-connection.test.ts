import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { connectFeed } from '../../src/dashboard/feed-connection.js';
import type { PageMessage } from '../../src/dashboard/page-store.js';

const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;

/** An EventSource on which the test plays the server. */
class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeEventSource[] = [];
  readonly lastEventId: string | null;
  readyState = 0;

  constructor(url: URL) {
    super();
    this.lastEventId = url.searchParams.get('lastEventId');
    FakeEventSource.opened.push(this);
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  /** Closed for good, as by an answer with an error, or else tried again by the browser. */
  fail({ closed }: { closed: boolean }): void {
    this.readyState = closed ? FakeEventSource.CLOSED : 0;
    this.dispatchEvent(new Event('error'));
  }

  tell(name: string, data: unknown, lastEventId = ''): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId }));
  }
}

beforeEach(() => {
  FakeEventSource.opened = [];
});

/** A connection in fake time, with what it told the page. */
function connect() {
  vi.useFakeTimers();
  // Only what was made fake just now may run its timers.
  const page = Object.assign(new EventTarget(), { setInterval, clearInterval });
  vi.stubGlobal('window', page);
  vi.stubGlobal('EventSource', FakeEventSource);
  const told: PageMessage[] = [];
  const end = connectFeed(new URL('http://localhost/events'), (message) => told.push(message));
  onTestFinished(() => {
    end();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  const { opened } = FakeEventSource;
  const latest = (): FakeEventSource => {
    const source = opened.at(-1);
    if (!source) throw new Error('No connection was opened.');
    return source;
  };
  const pass = (ms: number): unknown => vi.advanceTimersByTime(ms);
  return { told, end, page, opened, latest, pass };
}

it('hands on what the server tells, and how the connection is', () => {
  const { told, latest, opened } = connect();
  expect([opened.length, latest().lastEventId, told]).toEqual([1, null, []]);
  latest().open();
  latest().tell('snapshot', { sessions: [] }, 'e-1');
  latest().tell('event', { id: 2 }, 'e-2');
  latest().tell('session', { id: 'a' });
  latest().tell('ping', {});
  latest().fail({ closed: false });
  expect(told).toEqual([
    { type: 'connection', connection: 'live' },
    { type: 'snapshot', snapshot: { sessions: [] } },
    { type: 'event', event: { id: 2 } },
    { type: 'session', session: { id: 'a' } },
    { type: 'connection', connection: 'lost' },
  ]);
});

it('takes up where it was after the server has closed it, and tries until it can', () => {
  const { told, opened, latest, pass } = connect();
  latest().open();
  latest().tell('event', { id: 2 }, 'e-2');
  // Views have no id of their own, and do not undo that of the event before them.
  latest().tell('session', { id: 'a' });
  latest().fail({ closed: true });
  pass(RETRY_MS);
  expect(opened.map(({ lastEventId }) => lastEventId)).toEqual([null, 'e-2']);
  latest().fail({ closed: true });
  pass(RETRY_MS);
  expect(opened).toHaveLength(3);
  latest().open();
  latest().tell('event', { id: 3 }, 'e-3');
  expect(told.slice(-2)).toEqual([
    { type: 'connection', connection: 'live' },
    { type: 'event', event: { id: 3 } },
  ]);
  latest().fail({ closed: true });
  pass(RETRY_MS);
  expect(latest().lastEventId).toBe('e-3');
});

it('begins anew where the server was never reached', () => {
  const { told, opened, latest, pass } = connect();
  latest().fail({ closed: true });
  pass(RETRY_MS);
  expect(opened.map(({ lastEventId }) => lastEventId)).toEqual([null, null]);
  expect(told).toEqual([{ type: 'connection', connection: 'lost' }]);
});

it('leaves a connection that is lost to the browser, which tries again by itself', () => {
  const { opened, latest, pass } = connect();
  latest().fail({ closed: false });
  pass(SILENCE_MS);
  expect(opened).toHaveLength(1);
});

it('gives a silent connection up after 40 seconds', () => {
  const { told, opened, latest, pass } = connect();
  const [first] = opened;
  latest().open();
  latest().tell('snapshot', {}, 'e-1');
  pass(SILENCE_MS);
  expect([opened.length, first?.readyState]).toEqual([1, 1]);
  pass(RETRY_MS);
  expect(first?.readyState).toBe(FakeEventSource.CLOSED);
  expect(opened.map(({ lastEventId }) => lastEventId)).toEqual([null, 'e-1']);
  expect(told.at(-1)).toEqual({ type: 'connection', connection: 'lost' });
  // The new one has as long.
  pass(SILENCE_MS);
  expect(opened).toHaveLength(2);
  pass(RETRY_MS);
  expect(opened).toHaveLength(3);
});

it.each(['ping', 'event', 'session', 'snapshot'])('hears a %s as a sign of life', (name) => {
  const { opened, latest, pass } = connect();
  latest().open();
  for (let times = 0; times < 10; times++) {
    pass(SILENCE_MS - RETRY_MS);
    latest().tell(name, {});
  }
  expect(opened).toHaveLength(1);
});

it('takes up where it was as soon as the machine is online', () => {
  const { told, opened, page, latest } = connect();
  const [first] = opened;
  latest().open();
  latest().tell('event', { id: 1 }, 'e-1');
  page.dispatchEvent(new Event('online'));
  expect(first?.readyState).toBe(FakeEventSource.CLOSED);
  expect(opened.map(({ lastEventId }) => lastEventId)).toEqual([null, 'e-1']);
  expect(told.at(-1)).toEqual({ type: 'connection', connection: 'lost' });
});

it('leaves nothing behind when it is ended', () => {
  const { end, opened, page, latest, pass } = connect();
  latest().open();
  expect(vi.getTimerCount()).toBe(1);
  end();
  expect([vi.getTimerCount(), latest().readyState]).toEqual([0, FakeEventSource.CLOSED]);
  page.dispatchEvent(new Event('online'));
  pass(10 * SILENCE_MS);
  expect(opened).toHaveLength(1);
});
