import { nanoid } from 'nanoid';
import type { SessionEvent, UnifiedSessionManager } from '../../core/index.js';
import { totalTokens } from '../../core/orchestration/session/observation.js';
import { boundedCopy } from '../../core/orchestration/util/bounded-copy.js';
import { truncate } from '../../core/orchestration/util/text.js';
import { cutResult } from '../session-view.js';
import { PIECE_CHARACTERS } from './readers.js';

type Distributed<Event> = Event extends SessionEvent ? Omit<Event, 'session'> : never;

/** An event as it goes over the wire: without the record, long texts cut, with the totals so far. */
export type FeedEvent = Distributed<SessionEvent> & {
  /** Grows by one with every event of the manager. */
  readonly id: number;
  /** US dollars, over all runs of the session. */
  readonly costUsd?: number;
  /** Of all kinds, over all runs of the session. */
  readonly tokens?: number;
};

/** What is kept of an event. Its text is made once, for all readers. */
export interface HistoryEntry {
  readonly id: number;
  readonly sessionId: string;
  /** Whether others than this session may have moved, too. */
  readonly queue: boolean;
  readonly json: string;
}

/** Replaces an entry until the list is rebuilt, so that the entry's text is freed at once. */
const GONE: HistoryEntry = { id: 0, sessionId: '', queue: false, json: '' };

const MOST_EVENTS = 20_000;
const MOST_CHARACTERS = 16 * 2 ** 20;
const TEXT_LENGTH = 4_000;
/** Of those that wait, the next ones: a queue may be long, and tells of itself at every change. */
const MOST_PLACES = 100;

/**
 * The latest events of a manager, for readers that come late or come back: 20,000 of them or 16 million characters,
 * whichever is less. Ids of another history are told by its epoch.
 */
export class EventHistory {
  /** One for each manager: its apps come and go, and a history of its own would outlive each of them. */
  static readonly #all = new WeakMap<UnifiedSessionManager, EventHistory>();

  /** Tells this history from those of earlier processes. */
  readonly epoch = nanoid(8);
  /** The kept entries begin at `#start`: shifting a long array at every event would be slow. */
  #entries: HistoryEntry[] = [];
  #start = 0;
  #characters = 0;
  #lastId = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(manager: UnifiedSessionManager) {
    manager.on('event', this.#add);
  }

  /** The history of a manager, which begins when it is first asked for. */
  static of(manager: UnifiedSessionManager): EventHistory {
    const history = EventHistory.#all.get(manager) ?? new EventHistory(manager);
    EventHistory.#all.set(manager, history);
    return history;
  }

  /** Of the latest event; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  /**
   * What came after an event, as far as it is that long (one at least); undefined where some of it is no longer kept.
   *
   * @param most in characters
   */
  after(id: number, most = Number.POSITIVE_INFINITY): HistoryEntry[] | undefined {
    const first = this.#lastId - (this.#entries.length - this.#start) + 1;
    if (id > this.#lastId || id + 1 < first) return undefined;
    const from = this.#start + id + 1 - first;
    let to = from;
    for (let taken = 0; to < this.#entries.length && taken < most; to++) taken += this.#entries[to]?.json.length ?? 0;
    return this.#entries.slice(from, to);
  }

  /**
   * The kept events of a session, as the pieces of a JSON list. No copy is made for a reader.
   *
   * @throws Error, from `next()`, where some of it is gone before it was read
   */
  ofSession(sessionId: string): Generator<string> {
    return this.#pieces(sessionId, this.#lastId - (this.#entries.length - this.#start), this.#lastId);
  }

  *#pieces(sessionId: string, before: number, last: number): Generator<string> {
    let read = before;
    let [piece, separator] = ['[', ''];
    while (read < last) {
      const entries = this.after(read, PIECE_CHARACTERS);
      if (!entries) throw new Error('Events that were not read yet are no longer kept.');
      for (const { id, sessionId: of, json } of entries) {
        read = id;
        if (id > last || of !== sessionId) continue;
        piece += separator + json;
        separator = ',';
      }
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = '';
    }
    yield `${piece}]`;
  }

  /** Resolves at the next event, after that time, or when the signal aborts. */
  async changed(withinMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, withinMs);
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  readonly #add = (event: SessionEvent): void => {
    const id = ++this.#lastId;
    const json = JSON.stringify(feedEvent(id, event));
    this.#entries.push({ id, sessionId: event.sessionId, queue: event.type === 'queue:changed', json });
    this.#characters += json.length;
    while (this.#entries.length - this.#start > MOST_EVENTS || this.#characters > MOST_CHARACTERS) {
      this.#characters -= this.#entries[this.#start]?.json.length ?? 0;
      this.#entries[this.#start++] = GONE;
    }
    if (this.#start > MOST_EVENTS) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
    for (const wake of this.#waiting) wake();
  };
}

function feedEvent(id: number, event: SessionEvent): FeedEvent {
  if (event.type === 'queue:changed') {
    const items = event.queue.items.slice(0, MOST_PLACES);
    return { ...event, id, queue: { ...event.queue, items } };
  }
  const { session, ...rest } = event;
  const { costUsd, tokens } = session.metadata;
  return {
    ...bounded(rest as Distributed<SessionEvent>),
    id,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens && { tokens: totalTokens(tokens) }),
  };
}

/** The agent decides how long its texts are. */
function bounded(event: Distributed<SessionEvent>): Distributed<SessionEvent> {
  switch (event.type) {
    case 'session:started': {
      const { feedback } = event.run;
      if (feedback === undefined) return event;
      return { ...event, run: { ...event.run, feedback: truncate(feedback, TEXT_LENGTH) } };
    }
    case 'session:message':
    case 'session:prompt':
      return { ...event, text: truncate(event.text, TEXT_LENGTH) };
    case 'session:tool':
      return { ...event, tool: { ...event.tool, input: boundedCopy(event.tool.input) } };
    case 'session:tool-result':
      return { ...event, output: truncate(event.output, TEXT_LENGTH) };
    case 'session:approval':
      return { ...event, request: { ...event.request, input: boundedCopy(event.request.input) } };
    case 'session:denied':
      return { ...event, denial: { ...event.denial, input: boundedCopy(event.denial.input) } };
    case 'session:continued':
      return { ...event, feedback: truncate(event.feedback, TEXT_LENGTH) };
    case 'session:completed':
    case 'session:failed':
    case 'session:cancelled':
      return { ...event, result: cutResult(event.result, TEXT_LENGTH) };
    default:
      return event;
  }
}
