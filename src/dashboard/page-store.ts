import type { AutonomousSession, FeedEvent, Snapshot } from '../handlers/index.js';

/** `lost`: it failed, and is tried again. `refused`: the server wants its token. */
type Connection = 'connecting' | 'live' | 'lost' | 'refused';

/** What the page knows. A new object at every change. */
export interface PageState {
  readonly connection: Connection;
  /** By id, in order of creation. */
  readonly sessions: ReadonlyMap<string, AutonomousSession>;
  readonly queue: Snapshot['queue'] | undefined;
  readonly workspaces: readonly string[];
}

/** What comes from the server, or from the connection to it. */
export type PageMessage =
  | { readonly type: 'connection'; readonly connection: Connection }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'session'; readonly session: AutonomousSession }
  | { readonly type: 'event'; readonly event: FeedEvent };

type Listener<T> = (value: T) => void;

const EMPTY: PageState = { connection: 'connecting', sessions: new Map(), queue: undefined, workspaces: [] };

/**
 * Holds what the page shows. Messages are applied at once and told in the next frame, so that a thousand of them draw the
 * page once. Events go to those who watch a session, in order; `onReset` tells that some may be missing.
 */
export class PageStore {
  #state = EMPTY;
  #told = EMPTY;
  #scheduled = false;
  readonly #schedule: (work: () => void) => void;
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<Listener<FeedEvent>>();
  readonly #resetListeners = new Set<() => void>();

  constructor(schedule: (work: () => void) => void) {
    this.#schedule = schedule;
  }

  /** What is shown: as it was when listeners were last told. */
  readonly state = (): PageState => this.#told;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  onEvent(listener: Listener<FeedEvent>): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => this.#resetListeners.delete(listener);
  }

  apply(message: PageMessage): void {
    this.#state = reduce(this.#state, message);
    if (message.type === 'event') for (const listener of this.#eventListeners) listener(message.event);
    if (message.type === 'snapshot') for (const listener of this.#resetListeners) listener();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      if (this.#told === this.#state) return;
      this.#told = this.#state;
      for (const listener of this.#listeners) listener();
    });
  }
}

function reduce(state: PageState, message: PageMessage): PageState {
  switch (message.type) {
    case 'connection':
      return state.connection === message.connection ? state : { ...state, connection: message.connection };
    case 'snapshot': {
      const { sessions, queue, workspaces } = message.snapshot;
      return { ...state, sessions: new Map(sessions.map((session) => [session.id, session])), queue, workspaces };
    }
    case 'session':
      return { ...state, sessions: new Map(state.sessions).set(message.session.id, message.session) };
    case 'event':
      return message.event.type === 'queue:changed' ? withQueue(state, message.event.queue) : state;
  }
}

/** Whose place in the queue changes has no other message. */
function withQueue(state: PageState, queue: Snapshot['queue']): PageState {
  const sessions = new Map(state.sessions);
  for (const { id, position } of queue.items) {
    const session = sessions.get(id);
    if (session?.state === 'queued') sessions.set(id, { ...session, queuePosition: position });
  }
  return { ...state, queue, sessions };
}
