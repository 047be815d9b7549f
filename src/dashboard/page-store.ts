import type { AutonomousSession, FeedEvent, Snapshot } from '../handlers/index.js';

/** `lost`: the connection failed and is retried. `refused`: the server requires the token. */
type Connection = 'connecting' | 'live' | 'lost' | 'refused';

/** What the page knows. Every change makes a new object. */
export interface PageState {
  readonly connection: Connection;
  /** By id, in order of creation. */
  readonly sessions: ReadonlyMap<string, AutonomousSession>;
  readonly queue: Snapshot['queue'] | undefined;
  readonly workspaces: readonly string[];
}

/** A message from the server, or about the connection to the server. */
export type PageMessage =
  | { readonly type: 'connection'; readonly connection: Connection }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'session'; readonly session: AutonomousSession }
  | { readonly type: 'event'; readonly event: FeedEvent };

type Listener<T> = (value: T) => void;

const EMPTY: PageState = { connection: 'connecting', sessions: new Map(), queue: undefined, workspaces: [] };

/**
 * Holds what the page shows. Messages are applied at once, but the listeners are called in the next frame, so that a thousand
 * messages draw the page once. Events go to the listeners of `onEvent` at once and in order. `onReset` says that events may be
 * missing.
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

  /** What the page shows: the state of the last call of the listeners. */
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
    case 'event': {
      const { event } = message;
      if (event.type === 'session:removed') return withoutSession(state, event.sessionId);
      return event.type === 'queue:changed' ? withQueue(state, event.queue) : state;
    }
  }
}

function withoutSession(state: PageState, id: string): PageState {
  const sessions = new Map(state.sessions);
  return sessions.delete(id) ? { ...state, sessions } : state;
}

/** Updates the positions of queued sessions. The server sends no other message when a position changes. */
function withQueue(state: PageState, queue: Snapshot['queue']): PageState {
  const sessions = new Map(state.sessions);
  for (const { id, position } of queue.items) {
    const session = sessions.get(id);
    if (session?.state === 'queued') sessions.set(id, { ...session, queuePosition: position });
  }
  for (const { id } of queue.blocked ?? []) {
    const session = sessions.get(id);
    if (session?.queuePosition === undefined) continue;
    const { queuePosition: _, ...blocked } = session;
    sessions.set(id, blocked);
  }
  return { ...state, queue, sessions };
}
