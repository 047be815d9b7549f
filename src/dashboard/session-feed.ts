import type { AnsweredQuestion } from '../core/index.js';
import type { AutonomousSessionDetails, FeedEvent } from '../handlers/index.js';

/** An entry of a session's activity list, in order of time. */
export type FeedItem =
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly at: number;
      readonly text: string;
      readonly sub: boolean;
      /** Set if a person wrote the message. Unset if the agent wrote it. */
      readonly by?: 'person';
    }
  | ToolItem
  | {
      readonly kind: 'error';
      readonly key: string;
      readonly at: number;
      readonly severity: 'critical' | 'warning' | 'info';
      readonly text: string;
      /** What a person can do about it. */
      readonly nextStep?: string;
    }
  | {
      readonly kind: 'danger';
      readonly key: string;
      readonly at: number;
      readonly level: string;
      readonly text: string;
    }
  /** Something that a person or the library did. `text` is what a person or the agent wrote. */
  | { readonly kind: 'note'; readonly key: string; readonly at: number; readonly title: string; readonly text: string };

type DangerRecord = AutonomousSessionDetails['metadata']['dangers'][number];

type ErrorRecord = AutonomousSessionDetails['metadata']['errors'][number];

type Untimed<Item> = Item extends FeedItem ? Omit<Item, 'key' | 'at'> : never;

export interface ToolItem {
  readonly kind: 'tool';
  readonly key: string;
  readonly at: number;
  readonly name: string;
  readonly input: unknown;
  readonly sub: boolean;
  readonly danger?: { readonly level: string; readonly rule: string; readonly reason: string };
  readonly outcome?: 'ok' | 'error' | 'denied';
  readonly durationMs?: number;
  readonly output?: string;
}

/** How cost and tokens grew, in columns, as the chart library needs them. */
export interface UsageSeries {
  /** Epoch seconds. */
  readonly times: number[];
  /** US dollars. */
  readonly cost: (number | null)[];
  readonly tokens: (number | null)[];
}

const MOST_ITEMS = 100_000;
/** The most points of a chart. When the limit is reached, the older half is dropped. */
const MOST_POINTS = 50_000;
/** How many of the oldest items are dropped at once, so that not every new item moves the whole list. */
const DROPPED_ITEMS = 10_000;

const DELIVERED = 'Delivered to the agent';
const WAITS = {
  person: 'Waits for your message',
  children: 'Waits for its children',
  slot: 'Waits for a slot to continue',
} as const;

/**
 * Everything that happened in one session. First come the entries of its record that are older than the events that the server
 * keeps, then these events, then live events. Items change in place (a tool call gets its result). `version` grows with every
 * change.
 */
export class SessionFeed {
  readonly items: FeedItem[] = [];
  readonly usage: UsageSeries = { times: [], cost: [], tokens: [] };
  version = 0;
  #lastId = 0;
  #keys = 0;
  /** How many of the oldest items were dropped. */
  #dropped = 0;
  /** For each tool call without a result: how many items came before it, including dropped items. */
  readonly #open = new Map<string, number>();

  constructor(details: AutonomousSessionDetails, events: readonly FeedEvent[]) {
    const complete = events.some(({ type }) => type === 'session:created');
    // The smallest time, not the first event's: events that are read again after a recovery have the earlier time of the log.
    if (!complete) this.#addRecord(details, Math.min(...events.map(({ at }) => at)));
    for (const event of events) this.add(event);
  }

  /** Adds an event. An event that the feed already has is skipped. */
  add(event: FeedEvent): void {
    if (event.id <= this.#lastId) return;
    this.#lastId = event.id;
    this.version++;
    this.#addUsage(event);
    switch (event.type) {
      case 'session:message':
        this.#push({ kind: 'message', text: event.text, sub: event.parentToolUseId !== undefined }, event.at);
        break;
      case 'session:prompt':
        this.#dropDelivered(event.text);
        this.#push({ kind: 'message', text: event.text, sub: false, by: 'person' }, event.at);
        break;
      case 'session:tool': {
        const { id, name, input, danger, parentToolUseId } = event.tool;
        this.#pushTool(id, { name, input, sub: parentToolUseId !== undefined, ...(danger && { danger }) }, event.at);
        break;
      }
      case 'session:tool-result': {
        const { outcome, output, durationMs } = event;
        this.#complete(event.toolUseId, { outcome, output, ...(durationMs !== undefined && { durationMs }) });
        break;
      }
      case 'session:error':
        this.#pushError(event.error, event.at);
        break;
      case 'session:danger':
        this.#pushDanger(event.danger, event.at);
        break;
      default: {
        const note = noteOf(event);
        if (note) this.#push({ kind: 'note', ...note }, event.at);
      }
    }
  }

  #addRecord({ metadata, createdAt, answeredQuestions = [] }: AutonomousSessionDetails, before: number): void {
    type Step = { at: number; take: () => void };
    const steps: Step[] = [
      ...metadata.recentMessages.map(({ at, text, parentToolUseId, by }) => ({
        at,
        take: () => this.#push({ kind: 'message', text, sub: parentToolUseId !== undefined, ...(by && { by }) }, at),
      })),
      // These calls stay open: the record has no results of tools, but the events may have them.
      ...metadata.toolsUsed.map(({ id, startedAt, parentToolUseId, ...call }) => ({
        at: startedAt,
        take: () => this.#pushTool(id, { ...call, sub: parentToolUseId !== undefined }, startedAt),
      })),
      ...answeredQuestions.map((answered) => ({
        at: answered.at,
        take: () => this.#push({ kind: 'note', ...answeredNote(answered) }, answered.at),
      })),
      ...metadata.dangers.map((danger) => ({ at: danger.at, take: () => this.#pushDanger(danger, danger.at) })),
      ...metadata.errors.map((error) => ({ at: error.at, take: () => this.#pushError(error, error.at) })),
    ];
    this.#push({ kind: 'note', title: 'Created', text: '' }, createdAt);
    for (const { at, take } of steps.sort((a, b) => a.at - b.at)) if (at < before) take();
  }

  #addUsage({ at, costUsd, tokens }: FeedEvent): void {
    const { times, cost, tokens: counts } = this.usage;
    if (costUsd === undefined && tokens === undefined) return;
    if (costUsd === (cost.at(-1) ?? undefined) && tokens === (counts.at(-1) ?? undefined)) return;
    if (times.length >= MOST_POINTS) for (const column of [times, cost, counts]) column.splice(0, MOST_POINTS / 2);
    times.push(at / 1_000);
    cost.push(costUsd ?? null);
    counts.push(tokens ?? null);
  }

  #push(item: Untimed<Exclude<FeedItem, ToolItem>>, at: number): void {
    this.#append({ ...item, at, key: String(this.#keys++) });
  }

  /** Removes the note of a delivered message if the message was typed into the terminal: it is also in the conversation. */
  #dropDelivered(text: string): void {
    const last = this.items.at(-1);
    if (last?.kind === 'note' && last.title === DELIVERED && last.text === text) this.items.pop();
  }

  #pushError({ severity, code, message, nextStep }: ErrorRecord, at: number): void {
    const step = nextStep === undefined ? {} : { nextStep };
    this.#push({ kind: 'error', severity, text: `${code}: ${message}`, ...step }, at);
  }

  #pushDanger({ toolUseId, level, rule, tool, reason }: DangerRecord, at: number): void {
    const call = this.items[this.#placeOf(toolUseId)];
    // The call's item already shows this danger. Only dangers of another rule, such as a call that went past the guard, are new.
    if (call?.kind === 'tool' && call.danger?.rule === rule) return;
    this.#push({ kind: 'danger', level, text: `${tool}: ${reason}` }, at);
  }

  #pushTool(id: string, call: Omit<ToolItem, 'kind' | 'key' | 'at'>, at: number): void {
    this.#open.set(id, this.#dropped + this.items.length);
    this.#append({ kind: 'tool', key: String(this.#keys++), at, ...call });
  }

  #append(item: FeedItem): void {
    this.items.push(item);
    if (this.items.length <= MOST_ITEMS) return;
    this.items.splice(0, DROPPED_ITEMS);
    this.#dropped += DROPPED_ITEMS;
  }

  #complete(id: string, result: Pick<ToolItem, 'outcome' | 'output' | 'durationMs'>): void {
    const place = this.#placeOf(id);
    this.#open.delete(id);
    const tool = this.items[place];
    if (tool?.kind === 'tool') this.items[place] = { ...tool, ...result };
  }

  /** The index of a call's item. Below 0 if the call is not open, or if its item was dropped. */
  #placeOf(id: string): number {
    return (this.#open.get(id) ?? -1) - this.#dropped;
  }
}

const PAUSES = {
  usage_limit: 'Paused until the usage limit is reset',
  retry: 'Paused after a failure, tries again by itself',
  overage: 'Paused until extra usage is not needed any more',
} as const;

function noteOf(event: FeedEvent): { title: string; text: string } | undefined {
  switch (event.type) {
    case 'session:created':
      return { title: 'Created', text: '' };
    case 'session:queued':
      return { title: `Waits for a slot, at position ${event.position}`, text: '' };
    case 'session:started':
      return { title: `Run ${event.run.number} started`, text: '' };
    case 'session:recovered':
      return { title: 'Taken over from an earlier process', text: '' };
    case 'session:continued':
      return { title: 'Continued with feedback', text: event.feedback };
    case 'session:steered':
      return { title: DELIVERED, text: event.message };
    case 'session:paused':
      return { title: event.resumeAt === undefined ? 'Paused' : PAUSES[event.pausedFor ?? 'usage_limit'], text: '' };
    case 'session:setup':
      return setupNote(event);
    case 'session:overage':
      return { title: 'Paid extra usage began', text: '' };
    case 'session:resumed':
      return { title: 'Resumed', text: '' };
    case 'session:waiting':
      return { title: WAITS[event.waitingFor], text: '' };
    case 'session:working':
      return { title: 'Works again', text: '' };
    case 'session:approval': {
      const { state, request, by, note } = event;
      const title = state === 'asked' ? `Asks to run ${request.tool}` : `${request.tool} was ${state} (${by})`;
      return { title, text: note ?? '' };
    }
    case 'session:question':
      return questionNote(event);
    case 'session:denied':
      return { title: `${event.denial.tool} was blocked (${event.denial.by})`, text: event.denial.reason };
    case 'session:completed':
      return { title: 'Completed', text: event.result.text ?? '' };
    case 'session:failed':
      return { title: `Failed: ${event.result.reason}`, text: event.result.error ?? '' };
    case 'session:cancelled':
      return { title: 'Cancelled', text: event.result.error ?? '' };
    default:
      return undefined;
  }
}

function setupNote({ state, run, text = '', exitCode }: Extract<FeedEvent, { type: 'session:setup' }>) {
  if (state === 'output') return { title: 'Setup', text };
  return { title: state === 'begun' ? 'Setup began' : `Setup ended with exit code ${exitCode}`, text: run };
}

function questionNote(event: Extract<FeedEvent, { type: 'session:question' }>): { title: string; text: string } {
  const { state, question, by = 'end', at, answers = [] } = event;
  const { questionId } = question;
  const questions = question.questions.map(({ text }, index) => {
    const answer = answers[index];
    return { text, ...(answer !== undefined && { answer }) };
  });
  const note = answeredNote({ questionId, questions, by, at });
  return state === 'asked' ? { ...note, title: 'Asks a question' } : note;
}

function answeredNote({ questions, by }: AnsweredQuestion): { title: string; text: string } {
  const lines = questions.map(({ text, answer }) =>
    answer === undefined ? text : `${text} → ${[answer].flat().join(', ')}`,
  );
  const title = by === 'person' ? 'Its question was answered' : `Nobody answered its question (${by})`;
  return { title, text: lines.join('\n') };
}
