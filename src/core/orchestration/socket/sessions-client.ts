import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { SessionEvent, SessionManagerEvents } from '../session/events.js';
import type { TypedId } from '../session/output-schema.js';
import type { QuestionAnswer } from '../session/question.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { RECORDS, type RecordsSource } from '../session/records-source.js';
import { newSessionId } from '../session/session-id.js';
import type { ContinueOptions, EventStreamOptions, SessionFilter, Sessions, WaitOptions } from '../session/sessions.js';
import { isTerminal } from '../session/status.js';
import { EventDelivery } from '../store/event-delivery.js';
import { emittedEvents } from '../store/event-stream.js';
import { SessionRecords } from '../store/session-records.js';
import { SYSTEM_CLOCK } from '../util/clock.js';
import { withTimeout } from '../util/deferred.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { IsolatedEmitter } from '../util/isolated-emitter.js';
import { AbortSignals } from '../util/shared-abort.js';
import type { Verb } from './messages.js';
import { OwnerConnection, type OwnerListener } from './owner-connection.js';
import { portableOptions } from './portable-options.js';
import { connectInFolder } from './socket-file.js';
import { ToldPositions } from './told-positions.js';

/** How long a client waits for an owner that is gone to come back. */
const RECONNECT_MS = 30_000;
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1_000;
/** How long `close()` waits for a connection that is just being made. */
const CLOSE_MS = 1_000;

/**
 * The sessions of a manager in another process. Records and events are here, too: the manager sends its actions, and the same
 * actions make the same records. Calls are carried out by the manager.
 *
 * If the manager's process ends, the client looks for the next one until it is closed. Calls and waits fail after half a minute.
 * A `create()` that was under way is made again, with the same id, so there are never two sessions. Any other call that was under
 * way fails with `OWNER_UNREACHABLE`. Events of the time between are missed; the records are complete.
 */
export class SessionsClient extends IsolatedEmitter<SessionManagerEvents> implements Sessions {
  readonly #stateDir: string;
  readonly #records = new SessionRecords(new EventDelivery(this));
  // `cancel` fails only if the session or the owner is gone.
  readonly #signals = new AbortSignals((id) => void this.cancel(id, 'aborted by its signal').catch(() => {}));
  readonly #closed = new AbortController();
  /** The connection, or the next one. */
  #connection: Promise<OwnerConnection> = new Promise(() => {});
  #positions = new ToldPositions({ running: 0, queued: 0, maxConcurrent: 0, maxQueued: 0, items: [] });

  /**
   * Connects to the manager that owns a state folder.
   *
   * @param listen called with the client before it gets its records
   * @returns undefined if nobody listens there
   * @throws OrchestrationError `OWNER_UNREACHABLE`, `OWNER_INCOMPATIBLE`, `STATE_NOT_WRITABLE`
   */
  static async connect(
    stateDir: string,
    listen: (client: SessionsClient) => void,
  ): Promise<SessionsClient | undefined> {
    const socket = await connectInFolder(stateDir);
    if (!socket) return undefined;
    try {
      const client = new SessionsClient(stateDir);
      listen(client);
      client.#connection = Promise.resolve(await client.#open(socket));
      return client;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  private constructor(stateDir: string) {
    super();
    this.#stateDir = stateDir;
    this.#records.registry.readPositions((session) => this.#positions.of(session));
    setMaxListeners(0, this.#closed.signal); // Each reader of events() adds a listener, and there may be many readers.
  }

  async create<T = unknown>(options: CreateSessionOptions<T>): Promise<UnifiedSession<T>> {
    const { signal, parentId } = options;
    const inheritsCwd = parentId !== undefined && this.get(parentId) !== undefined;
    const sent = portableOptions(options, inheritsCwd);
    signal?.throwIfAborted();
    const id = newSessionId();
    const session = await this.#create(sent, id);
    if (signal) this.#signals.watch(id, signal, this.#records.waiters.wait(session, {}));
    if (!signal?.aborted) return session as UnifiedSession<T>;
    await this.cancel(id, 'aborted by its signal');
    throw signal.reason;
  }

  get<T = unknown>(id: string | TypedId<T>): UnifiedSession<T> | undefined {
    return this.#records.registry.get(id) as UnifiedSession<T> | undefined;
  }

  list(filter?: SessionFilter): UnifiedSession[] {
    return this.#records.registry.list(filter);
  }

  /** @internal */
  [RECORDS](): RecordsSource | undefined {
    return this.list === SessionsClient.prototype.list ? this.#records.registry : undefined;
  }

  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    return this.#call('cancel', id, reason);
  }

  async continue(id: string, feedback: string, options?: ContinueOptions): Promise<UnifiedSession> {
    return options === undefined ? this.#call('continue', id, feedback) : this.#call('continue', id, feedback, options);
  }

  async pause(id: string): Promise<UnifiedSession> {
    return this.#call('pause', id);
  }

  async resume(id: string): Promise<UnifiedSession> {
    return this.#call('resume', id);
  }

  async steer(id: string, message: string): Promise<void> {
    await this.#call('steer', id, message);
  }

  async approve(id: string, requestId: string, note?: string): Promise<UnifiedSession> {
    return this.#call('approve', id, requestId, note);
  }

  async deny(id: string, requestId: string, reason?: string): Promise<UnifiedSession> {
    return this.#call('deny', id, requestId, reason);
  }

  async answer(id: string, questionId: string, answers: readonly QuestionAnswer[]): Promise<UnifiedSession> {
    return this.#call('answer', id, questionId, answers);
  }

  async removeWorktree(id: string, options: { force?: boolean } = {}): Promise<UnifiedSession> {
    return this.#call('removeWorktree', id, options);
  }

  async remove(id: string, options: { force?: boolean } = {}): Promise<UnifiedSession> {
    const connection = await this.#reach();
    let last = this.#records.registry.require(id);
    const stop = this.#records.follow({
      onAction: (session) => {
        if (session.id === id) last = session;
      },
    });
    return connection.call('remove', [id, options], () => last).finally(stop);
  }

  async waitFor<T = unknown>(id: string | TypedId<T>, options: WaitOptions = {}): Promise<UnifiedSession<T>> {
    const session = this.#records.registry.require(id);
    if (!isTerminal(session.status)) {
      if (this.#closed.signal.aborted) throw closed();
      void this.#reach().catch((error: unknown) => this.#records.waiters.reject(id, error));
    }
    return (await this.#records.waiters.wait(session, options)) as UnifiedSession<T>;
  }

  events(options: EventStreamOptions = {}): AsyncIterableIterator<SessionEvent> {
    return emittedEvents(this, this.#closed.signal, options);
  }

  queueStatus(): QueueStatus {
    return this.#positions.queue;
  }

  async holdQueue(reason?: string): Promise<QueueStatus> {
    const given = reason === undefined ? [] : [reason];
    return (await this.#reach()).call('holdQueue', given, () => this.queueStatus());
  }

  async releaseQueue(account?: string): Promise<QueueStatus> {
    const given = account === undefined ? [] : [account];
    return (await this.#reach()).call('releaseQueue', given, () => this.queueStatus());
  }

  /** Ends the connection. The sessions and their manager go on. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#records.waiters.rejectAll(closed());
    const connection = await withTimeout(
      this.#connection.catch(() => undefined),
      CLOSE_MS,
    );
    connection?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** With the same id, a session is made only once, however often it is asked for. */
  async #create(options: unknown, id: string): Promise<UnifiedSession> {
    while (true) {
      const connection = await this.#reach();
      try {
        return await connection.call('create', [options, id], () => this.#records.registry.require(id));
      } catch (error) {
        if (!(error instanceof OrchestrationError && error.code === 'OWNER_UNREACHABLE')) throw error;
        await connection.lost;
      }
    }
  }

  async #call(verb: Verb, id: string, ...args: readonly unknown[]): Promise<UnifiedSession> {
    const connection = await this.#reach();
    // Only the last arguments may be absent, and JSON has no `undefined`.
    const given = args.filter((arg) => arg !== undefined);
    return connection.call(verb, [id, ...given], () => this.#records.registry.require(id));
  }

  async #reach(): Promise<OwnerConnection> {
    if (this.#closed.signal.aborted) throw closed();
    const connection = await withTimeout(this.#connection, RECONNECT_MS);
    if (connection) return connection;
    throw this.#closed.signal.aborted ? closed() : this.#gone();
  }

  #lost(): void {
    if (this.#closed.signal.aborted) return;
    this.#connection = this.#reconnect();
    // Calls and waits get the error. Without them, nobody has to.
    this.#connection.catch((error: unknown) => this.#records.waiters.rejectAll(error));
  }

  /** Looks for the next owner until there is one, or the client is closed. Waits end with an error after half a minute. */
  async #reconnect(): Promise<OwnerConnection> {
    const { signal } = this.#closed;
    const deadline = performance.now() + RECONNECT_MS;
    let isLate = false;
    for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, LAST_RETRY_MS)) {
      try {
        const connection = await this.#connect();
        if (connection) return connection;
      } catch (error) {
        if (error instanceof OrchestrationError && error.code === 'OWNER_INCOMPATIBLE') throw error;
      }
      if (!isLate && performance.now() > deadline) {
        isLate = true;
        this.#records.waiters.rejectAll(this.#gone());
      }
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
    throw closed();
  }

  #gone(): OrchestrationError {
    return new OrchestrationError(
      'OWNER_UNREACHABLE',
      `The manager of ${quote(this.#stateDir)} is gone, and no other one came within ${RECONNECT_MS / 1000} seconds. Start it again, or close this client and call openSessions() again: it takes the sessions over.`,
    );
  }

  async #connect(): Promise<OwnerConnection | undefined> {
    const socket = await connectInFolder(this.#stateDir);
    return socket && this.#open(socket);
  }

  async #open(socket: Socket): Promise<OwnerConnection> {
    const { signal } = this.#closed;
    const end = (): void => void socket.destroy();
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    try {
      return await OwnerConnection.open(socket, this.#listener());
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  #listener(): OwnerListener {
    return {
      onReady: (sessions, queue) => {
        this.#positions = new ToldPositions(queue);
        this.#records.replace(sessions, SYSTEM_CLOCK.now());
      },
      onAction: (id, action, at) => {
        const isKnown = this.#records.registry.outline(id); // A record that could not be read was never told.
        if (isKnown || action.type !== 'removed') this.#records.apply(id, action, at);
      },
      onQueue: (event) => {
        if (event.type === 'queue:changed') this.#positions = new ToldPositions(event.queue);
        this.#records.queueChanged(event);
      },
      onLost: () => this.#lost(),
    };
  }
}

function closed(): OrchestrationError {
  return new OrchestrationError('MANAGER_CLOSED', 'This client was closed; openSessions() makes a new one.');
}
