import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { SessionEvent, SessionManagerEvents } from '../session/events.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/reducer.js';
import { newSessionId } from '../session/session-id.js';
import type { EventStreamOptions, SessionFilter, Sessions, WaitOptions } from '../session/sessions.js';
import { EventDelivery } from '../store/event-delivery.js';
import { emittedEvents } from '../store/event-stream.js';
import { SessionRecords } from '../store/session-records.js';
import { SYSTEM_CLOCK } from '../util/clock.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { IsolatedEmitter } from '../util/isolated-emitter.js';
import { AbortSignals } from '../util/shared-abort.js';
import type { Verb } from './messages.js';
import { OwnerConnection, type OwnerListener } from './owner-connection.js';
import { portableOptions } from './portable-options.js';
import { connectInFolder } from './socket-file.js';

/** How long a client waits for an owner that is gone to come back. */
const RECONNECT_MS = 30_000;
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1_000;

/**
 * The sessions of a manager in another process. Records and events are here, too: the manager sends its actions, and the same
 * actions make the same records. Calls are carried out by the manager.
 *
 * If the manager's process ends, the client waits half a minute for the next one. Calls wait, too. A `create()` that was under
 * way is made again, with the same id, so there are never two sessions. Any other call that was under way fails with
 * `OWNER_UNREACHABLE`. Events of the time between are missed; the records are complete.
 */
export class SessionsClient extends IsolatedEmitter<SessionManagerEvents> implements Sessions {
  readonly #stateDir: string;
  readonly #records = new SessionRecords(new EventDelivery(this));
  // `cancel` fails only if the session or the owner is gone.
  readonly #signals = new AbortSignals((id) => void this.cancel(id, 'aborted by its signal').catch(() => {}));
  readonly #closed = new AbortController();
  /** Undefined if the owner was not found again. The next call looks for it once more. */
  #connection: Promise<OwnerConnection> | undefined;
  #queue: QueueStatus = { running: 0, queued: 0, maxConcurrent: 0, maxQueued: 0, items: [] };

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
    const client = new SessionsClient(stateDir);
    listen(client);
    client.#connection = Promise.resolve(await OwnerConnection.open(socket, client.#listener()));
    return client;
  }

  private constructor(stateDir: string) {
    super();
    this.#stateDir = stateDir;
    setMaxListeners(0, this.#closed.signal); // Each reader of events() adds a listener, and there may be many readers.
  }

  async create(options: CreateSessionOptions): Promise<UnifiedSession> {
    const { signal, parentId } = options;
    const inheritsCwd = parentId !== undefined && this.get(parentId) !== undefined;
    const sent = portableOptions(options, inheritsCwd);
    signal?.throwIfAborted();
    const id = newSessionId();
    await this.#create(sent, id);
    const session = this.#records.registry.require(id);
    if (signal) this.#signals.watch(id, signal, this.#records.waiters.wait(session, {}));
    if (!signal?.aborted) return session;
    await this.cancel(id, 'aborted by its signal');
    throw signal.reason;
  }

  get(id: string): UnifiedSession | undefined {
    return this.#records.registry.get(id);
  }

  list(filter?: SessionFilter): UnifiedSession[] {
    return this.#records.registry.list(filter);
  }

  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    return this.#call('cancel', id, reason);
  }

  async continue(id: string, feedback: string): Promise<UnifiedSession> {
    return this.#call('continue', id, feedback);
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
    await connection.call('remove', [id, options]).finally(stop);
    return last;
  }

  async waitFor(id: string, options: WaitOptions = {}): Promise<UnifiedSession> {
    const session = this.#records.registry.require(id);
    if (!isTerminal(session.status)) void this.#reach().catch(() => {}); // If that fails, the waiters get the error.
    if (this.#closed.signal.aborted && !isTerminal(session.status)) throw closed();
    return this.#records.waiters.wait(session, options);
  }

  events(options: EventStreamOptions = {}): AsyncIterableIterator<SessionEvent> {
    return emittedEvents(this, this.#closed.signal, options);
  }

  queueStatus(): QueueStatus {
    return this.#queue;
  }

  /** Ends the connection. The sessions and their manager go on. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#records.waiters.rejectAll(closed());
    const connection = await this.#connection?.catch(() => undefined);
    connection?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** With the same id, a session is made only once, however often it is asked for. */
  async #create(options: unknown, id: string): Promise<void> {
    while (true) {
      const connection = await this.#reach();
      try {
        await connection.call('create', [options, id]);
        return;
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
    await connection.call(verb, [id, ...given]);
    return this.#records.registry.require(id);
  }

  async #reach(): Promise<OwnerConnection> {
    if (this.#closed.signal.aborted) throw closed();
    this.#connection ??= this.#reconnecting();
    return this.#connection;
  }

  #lost(): void {
    if (!this.#closed.signal.aborted) this.#connection = this.#reconnecting();
  }

  #reconnecting(): Promise<OwnerConnection> {
    const connection = this.#reconnect();
    connection.catch((error: unknown) => {
      this.#connection = undefined;
      this.#records.waiters.rejectAll(error);
    });
    return connection;
  }

  async #reconnect(): Promise<OwnerConnection> {
    const { signal } = this.#closed;
    const deadline = performance.now() + RECONNECT_MS;
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, LAST_RETRY_MS)) {
      if (signal.aborted) throw closed();
      let cause: unknown;
      try {
        const connection = await this.#connect();
        if (connection) return connection;
      } catch (error) {
        if (error instanceof OrchestrationError && error.code === 'OWNER_INCOMPATIBLE') throw error;
        cause = error;
      }
      if (performance.now() > deadline) {
        throw new OrchestrationError(
          'OWNER_UNREACHABLE',
          `The manager of ${quote(this.#stateDir)} is gone, and no other one came within ${RECONNECT_MS / 1000} seconds. Start it again, or call openSessions() again: it takes the sessions over.`,
          { cause },
        );
      }
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  async #connect(): Promise<OwnerConnection | undefined> {
    const socket = await connectInFolder(this.#stateDir);
    return socket && OwnerConnection.open(socket, this.#listener());
  }

  #listener(): OwnerListener {
    return {
      onReady: (sessions, queue) => {
        this.#queue = queue;
        this.#records.replace(sessions, SYSTEM_CLOCK.now());
      },
      onAction: (id, action, at) => void this.#records.apply(id, action, at),
      onQueue: (event) => {
        this.#queue = event.queue;
        this.#records.queueChanged(event);
      },
      onLost: () => this.#lost(),
    };
  }
}

function closed(): OrchestrationError {
  return new OrchestrationError('MANAGER_CLOSED', 'This client was closed; openSessions() makes a new one.');
}
