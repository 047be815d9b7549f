import type { Socket } from 'node:net';
import type { SessionAction } from '../session/actions.js';
import type { QueueChangedEvent } from '../session/events.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { deferred } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import { JsonLines } from './json-lines.js';
import {
  type FromClient,
  type FromOwner,
  receivedError,
  type SentError,
  sentError,
  VERSION,
  type Verb,
} from './messages.js';

/** How often the owner is asked for a sign of life. */
const PING_MS = 5_000;
/** An owner that sends nothing for so long does not work. Each ping has an answer. */
const SILENT_MS = 15_000;

/** What an owner tells, in the order in which it happened. */
export interface OwnerListener {
  onReady(sessions: readonly UnifiedSession[], queue: QueueStatus): void;
  onAction(id: string, action: SessionAction, at: number): void;
  onQueue(event: QueueChangedEvent): void;
  /** Called once, if the connection was ready. */
  onLost(): void;
}

/** One connection to the process that owns a state folder, as the client sees it. */
export class OwnerConnection {
  readonly #lines: JsonLines;
  readonly #listener: OwnerListener;
  readonly #ready = deferred<OrchestrationError | undefined>();
  /** The calls under way, with what settles them. */
  readonly #calls = new Map<number, (failure: SentError | undefined) => void>();
  readonly #ping: NodeJS.Timeout;
  readonly #lost = deferred<void>();
  #sessions: UnifiedSession[] = [];
  #pid: number | undefined;
  #lastCall = 0;
  #heardAt = performance.now();

  /**
   * Resolves when all records are here. Closes the socket if that fails.
   *
   * @throws OrchestrationError `OWNER_UNREACHABLE` if the owner does not answer, or ends the connection; `OWNER_INCOMPATIBLE`
   */
  static async open(socket: Socket, listener: OwnerListener): Promise<OwnerConnection> {
    const connection = new OwnerConnection(socket, listener);
    const error = await connection.#ready.promise;
    if (error) throw error;
    return connection;
  }

  private constructor(socket: Socket, listener: OwnerListener) {
    this.#listener = listener;
    this.#lines = new JsonLines(socket, {
      onMessage: (message) => this.#receive(message as FromOwner),
      onClose: () => this.#closed(),
    });
    this.#ping = setInterval(() => this.#check(), PING_MS).unref();
  }

  /**
   * Resolves when the owner has done what was asked, and the records here show it.
   *
   * @throws OrchestrationError as the owner's method; `OWNER_UNREACHABLE` if the connection is lost meanwhile, so that nobody
   * knows if it was done
   */
  async call(verb: Verb, args: readonly unknown[]): Promise<void> {
    const call = ++this.#lastCall;
    const failure = await new Promise<SentError | undefined>((settle) => {
      if (this.#lines.closed) {
        settle(sentError(this.#unreachable('the connection is closed')));
        return;
      }
      this.#calls.set(call, settle);
      this.#lines.send({ type: 'call', call, verb, args: [...args] } satisfies FromClient);
    });
    // The errors are made here, so that their stacks show who has called.
    if (failure?.code === 'MANAGER_CLOSED') throw this.#unreachable('its manager was closed during the call');
    if (failure) throw receivedError(failure);
  }

  /** Resolves when the connection is closed. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  close(): void {
    this.#lines.close();
  }

  #receive(message: FromOwner): void {
    this.#heardAt = performance.now();
    switch (message.type) {
      case 'hello':
        this.#pid = message.pid;
        if (message.version !== VERSION) this.#refuse(message.version);
        break;
      case 'record':
        this.#sessions.push(deepFrozen(message.session));
        break;
      case 'ready':
        this.#listener.onReady(this.#sessions, deepFrozen(message.queue));
        this.#sessions = [];
        this.#ready.resolve(undefined);
        break;
      case 'action':
        this.#listener.onAction(message.id, deepFrozen(message.action), message.at);
        break;
      case 'queue':
        this.#listener.onQueue(deepFrozen(message.event));
        break;
      case 'answer': {
        const settle = this.#calls.get(message.call);
        this.#calls.delete(message.call);
        settle?.(message.error);
        break;
      }
    }
  }

  #refuse(version: string): void {
    this.#ready.resolve(
      new OrchestrationError(
        'OWNER_INCOMPATIBLE',
        `The sessions belong to process ${this.#pid}, which has version ${version} of this library; this process has ${VERSION}. Use the same version in both.`,
      ),
    );
    this.close();
  }

  #check(): void {
    if (performance.now() - this.#heardAt > SILENT_MS) this.close();
    else this.#lines.send({ type: 'ping' } satisfies FromClient);
  }

  #closed(): void {
    clearInterval(this.#ping);
    const wasReady = this.#ready.isSettled;
    this.#ready.resolve(this.#unreachable('it does not answer, or has ended the connection'));
    const lost = this.#unreachable(
      'the connection was lost during the call, so look at the record to see what was done',
    );
    for (const settle of this.#calls.values()) settle(sentError(lost));
    this.#calls.clear();
    if (wasReady) this.#listener.onLost();
    this.#lost.resolve();
  }

  #unreachable(why: string): OrchestrationError {
    const pid = this.#pid;
    const owner = pid === undefined ? 'The process that owns the sessions' : `Process ${pid}, which owns the sessions,`;
    return new OrchestrationError('OWNER_UNREACHABLE', `${owner} cannot be reached: ${why}.`);
  }
}
