import { nanoid } from 'nanoid';
import type { QuestionOption, SessionEvent, Sessions } from '../../core/index.js';
import { totalTokens } from '../../core/orchestration/session/observation.js';
import { boundedCopy } from '../../core/orchestration/util/bounded-copy.js';
import { truncate } from '../../core/orchestration/util/text.js';
import { cutResult } from '../cut-result.js';
import { PIECE_CHARACTERS } from './readers.js';

type Distributed<Event> = Event extends SessionEvent ? Omit<Event, 'session'> : never;

/** An event as it is sent: without the session's record, with long texts cut, and with the totals so far. */
export type FeedEvent = Distributed<SessionEvent> & {
  /** Grows by one with every event of the manager. */
  readonly id: number;
  /** The cost of all runs of the session so far, in US dollars. */
  readonly costUsd?: number;
  /** The tokens of all kinds, in all runs of the session so far. */
  readonly tokens?: number;
};

/** An event that is kept. Its JSON is made once, for all readers. */
export interface HistoryEntry {
  readonly id: number;
  readonly sessionId: string;
  /** True if the queue has changed, so that other sessions may have moved, too. */
  readonly queue: boolean;
  readonly json: string;
}

/** Replaces an entry until the list is rebuilt, so that the entry's text is freed at once. */
const GONE: HistoryEntry = { id: 0, sessionId: '', queue: false, json: '' };

const MOST_EVENTS = 20_000;
const MOST_CHARACTERS = 16 * 2 ** 20;
const TEXT_LENGTH = 4_000;
/** How many waiting sessions an event of the queue names, the next ones first. The queue may be long, and changes often. */
const MOST_PLACES = 100;

/**
 * The latest events of a manager, for readers that connect late or again: at most 20,000 events, and at most 16 million
 * characters. The epoch distinguishes the ids of this history from those of another one.
 */
export class EventHistory {
  /** One history for each manager. If each app made its own, that history would stay after the app is gone. */
  static readonly #all = new WeakMap<Sessions, EventHistory>();

  /** Distinguishes this history from those of earlier processes. */
  readonly epoch = nanoid(8);
  /** The kept entries begin at `#start`, because removing the first entry of a long array at every event would be slow. */
  #entries: HistoryEntry[] = [];
  #start = 0;
  #characters = 0;
  #lastId = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(manager: Sessions) {
    manager.on('event', this.#add);
  }

  /** The history of a manager. It begins with the first call of this method. */
  static of(manager: Sessions): EventHistory {
    const history = EventHistory.#all.get(manager) ?? new EventHistory(manager);
    EventHistory.#all.set(manager, history);
    return history;
  }

  /** The id of the latest event. 0 before the first event. */
  get lastId(): number {
    return this.#lastId;
  }

  /**
   * The events after an event. Undefined if some of them are no longer kept, or if there is no such event yet.
   *
   * @param most the number of characters after which no further event is added
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
   * The kept events of a session, as the pieces of a JSON list. No reader has a copy of the whole list.
   *
   * @throws Error from `next()`, if events that were not read yet are no longer kept
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

  /** Resolves at the next event, after `withinMs`, or when the signal aborts. */
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
    this.#entries.push({ id, sessionId: event.sessionId, queue: isOfQueue(event), json });
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

function isOfQueue(event: SessionEvent): event is Extract<SessionEvent, { type: `queue:${string}` }> {
  return event.type.startsWith('queue:');
}

function feedEvent(id: number, event: SessionEvent): FeedEvent {
  if (event.type === 'queue:changed') {
    const items = event.queue.items.slice(0, MOST_PLACES);
    return { ...event, id, queue: { ...event.queue, items } };
  }
  if (isOfQueue(event)) return { ...event, id };
  const { session, ...rest } = event;
  const { costUsd, tokens } = session.metadata;
  return {
    ...bounded(rest as Distributed<SessionEvent>),
    id,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens && { tokens: totalTokens(tokens) }),
  };
}

/** Cuts long texts of an event, because the agent decides how long its texts are. */
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
    case 'session:question': {
      // The session's record has the whole question. Events tell what was asked.
      const questions = event.question.questions.map((asked) => ({ ...asked, options: asked.options.map(labelOf) }));
      return { ...event, question: { ...event.question, questions } };
    }
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

const labelOf = ({ label }: QuestionOption): QuestionOption => ({ label });
