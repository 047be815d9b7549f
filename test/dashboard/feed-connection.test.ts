import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { type Access, connectFeed } from '../../src/dashboard/feed-connection.js';
import type { PageMessage } from '../../src/dashboard/page-store.js';

const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;

/** A request of the page; the test plays the server. */
class FakeRequest {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly answered: Promise<Response>;
  #answer: (response: Response) => void = () => {};
  #fail: (error: Error) => void = () => {};
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor({ headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) {
    this.headers = headers;
    this.signal = signal;
    this.answered = new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
    });
    signal.addEventListener('abort', () => {
      const error = new DOMException('aborted', 'AbortError');
      this.#fail(error);
      this.#body?.error(error);
    });
  }

  get lastEventId(): string | undefined {
    return this.headers['Last-Event-ID'];
  }

  async open(): Promise<void> {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
    });
    this.#answer(new Response(body));
    await settled();
  }

  async refuse(status: number): Promise<void> {
    this.#answer(new Response('{}', { status }));
    await settled();
  }

  /** The connection breaks, before the answer or in it. */
  async fail(): Promise<void> {
    if (this.#body) this.#body.close();
    else this.#fail(new TypeError('Failed to fetch'));
    await settled();
  }

  async send(part: string | Uint8Array): Promise<void> {
    this.#body?.enqueue(typeof part === 'string' ? new TextEncoder().encode(part) : part);
    await settled();
  }

  tell(name: string, data: unknown, id = ''): Promise<void> {
    return this.send(`event: ${name}\ndata: ${JSON.stringify(data)}\n${id && `id: ${id}\n`}\n`);
  }
}

/** Streams pass data on in many small steps without timers. */
async function settled(): Promise<void> {
  for (let step = 0; step < 100; step++) await Promise.resolve();
}

let opened: FakeRequest[] = [];
beforeEach(() => {
  opened = [];
});

/** A connection in fake time, with everything that it passed to the page. */
function connect(token: string | null = 'token') {
  vi.useFakeTimers();
  // The timers of the page have to be the fake ones.
  const page = Object.assign(new EventTarget(), { setInterval, clearInterval });
  vi.stubGlobal('window', page);
  vi.stubGlobal('fetch', (_: URL, init: ConstructorParameters<typeof FakeRequest>[0]) => {
    const request = new FakeRequest(init);
    opened.push(request);
    return request.answered;
  });
  const told: PageMessage[] = [];
  const tokens = new EventTarget();
  const held = { token };
  const access: Access = {
    headers: (): Record<string, string> => (held.token === null ? {} : { Authorization: held.token }),
    refused: vi.fn(() => {
      held.token = null;
      tokens.dispatchEvent(new Event('change'));
    }),
    onChange(listener) {
      tokens.addEventListener('change', listener);
      return () => tokens.removeEventListener('change', listener);
    },
  };
  const end = connectFeed(new URL('http://localhost/events'), access, (message) => told.push(message));
  onTestFinished(() => {
    end();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  const latest = (): FakeRequest => {
    const request = opened.at(-1);
    if (!request) throw new Error('No connection was opened.');
    return request;
  };
  const giveToken = (given: string): void => {
    held.token = given;
    tokens.dispatchEvent(new Event('change'));
  };
  const pass = (ms: number): unknown => vi.advanceTimersByTime(ms);
  return { told, end, page, latest, pass, access, giveToken };
}

const idsTold = () => opened.map(({ lastEventId }) => lastEventId);

it('the feed passes on what the server sends and the state of the connection', async () => {
  const { told, latest } = connect();
  expect([opened.length, latest().lastEventId, told]).toEqual([1, undefined, []]);
  expect(latest().headers).toEqual({ Authorization: 'token' });
  await latest().open();
  await latest().send('retry: 1000\n\n');
  await latest().tell('snapshot', { sessions: [] }, 'e-1');
  await latest().tell('event', { id: 2 }, 'e-2');
  await latest().tell('session', { id: 'a' });
  await latest().tell('ping', {});
  await latest().fail();
  expect(told).toEqual([
    { type: 'connection', connection: 'live' },
    { type: 'snapshot', snapshot: { sessions: [] } },
    { type: 'event', event: { id: 2 } },
    { type: 'session', session: { id: 'a' } },
    { type: 'connection', connection: 'lost' },
  ]);
});

it('the feed reads events wherever they are cut into pieces', async () => {
  const { told, latest } = connect();
  await latest().open();
  const text = 'é: 😀';
  const event = (id: number): string => `event: event\ndata: ${JSON.stringify({ id, text })}\nid: e-${id}\n\n`;
  const bytes = new TextEncoder().encode(event(1) + event(2));
  for (let at = 0; at < bytes.length; at++) await latest().send(bytes.slice(at, at + 1));
  expect(told.slice(1)).toEqual([1, 2].map((id) => ({ type: 'event', event: { id, text } })));
});

it('after the server closes the connection, the feed retries and continues after its last event', async () => {
  const { told, latest, pass } = connect();
  await latest().open();
  await latest().tell('event', { id: 2 }, 'e-2');
  // Views have no id of their own and do not change the id of the last event.
  await latest().tell('session', { id: 'a' });
  await latest().fail();
  pass(RETRY_MS);
  expect(idsTold()).toEqual([undefined, 'e-2']);
  await latest().refuse(503);
  pass(RETRY_MS);
  expect(opened).toHaveLength(3);
  await latest().open();
  await latest().tell('event', { id: 3 }, 'e-3');
  expect(told.slice(-2)).toEqual([
    { type: 'connection', connection: 'live' },
    { type: 'event', event: { id: 3 } },
  ]);
  await latest().fail();
  pass(RETRY_MS);
  expect(latest().lastEventId).toBe('e-3');
});

it('the feed starts from the beginning if the server was never reached', async () => {
  const { told, latest, pass } = connect();
  await latest().fail();
  pass(RETRY_MS);
  expect(idsTold()).toEqual([undefined, undefined]);
  expect(told).toEqual([{ type: 'connection', connection: 'lost' }]);
});

it('the feed replaces a connection that is silent for 40 seconds', async () => {
  const { told, latest, pass } = connect();
  const [first] = opened;
  await latest().open();
  await latest().tell('snapshot', {}, 'e-1');
  pass(SILENCE_MS);
  expect([opened.length, first?.signal.aborted]).toEqual([1, false]);
  pass(RETRY_MS);
  expect(first?.signal.aborted).toBe(true);
  expect(idsTold()).toEqual([undefined, 'e-1']);
  expect(told.at(-1)).toEqual({ type: 'connection', connection: 'lost' });
  // The new connection has the same time.
  pass(SILENCE_MS);
  expect(opened).toHaveLength(2);
  pass(RETRY_MS);
  expect(opened).toHaveLength(3);
});

it.each(['ping', 'event', 'session', 'snapshot'])('a %s shows that the connection is alive', async (name) => {
  const { latest, pass } = connect();
  await latest().open();
  for (let times = 0; times < 10; times++) {
    pass(SILENCE_MS - RETRY_MS);
    await latest().tell(name, {});
  }
  expect(opened).toHaveLength(1);
});

it('the feed continues after its last event as soon as the machine is online', async () => {
  const { told, page, latest } = connect();
  const [first] = opened;
  await latest().open();
  await latest().tell('event', { id: 1 }, 'e-1');
  page.dispatchEvent(new Event('online'));
  expect(first?.signal.aborted).toBe(true);
  expect(idsTold()).toEqual([undefined, 'e-1']);
  expect(told.at(-1)).toEqual({ type: 'connection', connection: 'lost' });
});

it('the feed does not retry with a refused token until there is another token', async () => {
  const { told, page, latest, pass, access, giveToken } = connect('old');
  await latest().refuse(401);
  expect(told).toEqual([{ type: 'connection', connection: 'refused' }]);
  expect(access.refused).toHaveBeenCalledOnce();
  pass(10 * SILENCE_MS);
  page.dispatchEvent(new Event('online'));
  expect(opened).toHaveLength(1);
  giveToken('new');
  expect(latest().headers).toEqual({ Authorization: 'new' });
  await latest().open();
  expect(told.at(-1)).toEqual({ type: 'connection', connection: 'live' });
});

it('the feed sends no token if the page has none', async () => {
  const { latest } = connect(null);
  expect(latest().headers).toEqual({});
});

it('a feed that is ended leaves nothing behind', async () => {
  const { end, page, latest, pass, giveToken } = connect();
  await latest().open();
  expect(vi.getTimerCount()).toBe(1);
  end();
  await settled();
  expect([vi.getTimerCount(), latest().signal.aborted]).toEqual([0, true]);
  page.dispatchEvent(new Event('online'));
  giveToken('another');
  pass(10 * SILENCE_MS);
  expect(opened).toHaveLength(1);
});
