import type { Socket } from 'node:net';
import type { SessionAction } from '../session/actions.js';
import type { QueueEvent } from '../session/events.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { deferred } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import { isJsonOfTooManyValues } from '../util/value-count.js';
import { JsonLines } from './json-lines.js';
import {
  type FromClient,
  type FromOwner,
  MOST_CALL_BYTES,
  receivedError,
  type SentError,
  sentError,
  VERSION,
  type Verb,
} from './messages.js';

/** The longest line of a log, with all its escapes, is shorter. */
const LIMITS = { mostLineBytes: 64 * 1024 * 1024, dense: true };
/** How often the owner is asked for a sign of life. */
const PING_MS = 5_000;
/** An owner that sends nothing between so many pings does not work. Each ping has an answer. */
const MOST_SILENT_CHECKS = 3;

/** What an owner tells, in the order in which it happened. */
export interface OwnerListener {
  onReady(sessions: readonly UnifiedSession[], queue: QueueStatus): void;
  onAction(id: string, action: SessionAction, at: number): void;
  onQueue(event: QueueEvent): void;
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
  #isReady = false;
  readonly #ping: NodeJS.Timeout;
  readonly #lost = deferred<void>();
  #sessions: UnifiedSession[] = [];
  #pid: number | undefined;
  #lastCall = 0;
  /** How many checks have passed since the owner's last message. */
  #silentChecks = 0;

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
    this.#lines = new JsonLines(socket, LIMITS, {
      onMessage: (message) => this.#receive(message as FromOwner),
      onClose: () => this.#closed(),
    });
    this.#ping = setInterval(() => this.#check(), PING_MS).unref();
  }

  /**
   * Resolves when the owner has done what was asked, and the records here show it.
   *
   * @param read the result, read in the moment in which the owner's answer comes: later changes may have arrived with it
   * @throws OrchestrationError as the owner's method; `INVALID_OPTIONS` if the arguments are too long; `OWNER_UNREACHABLE` if the connection is lost meanwhile, so that nobody
   * knows if it was done
   */
  async call<T>(verb: Verb, args: readonly unknown[], read: () => T): Promise<T> {
    const call = ++this.#lastCall;
    const line = `${JSON.stringify({ type: 'call', call, verb, args: [...args] } satisfies FromClient)}\n`;
    requireShort(line);
    let result: { value: T } | undefined;
    const failure = await new Promise<SentError | undefined>((settle) => {
      if (this.#lines.closed) {
        settle(sentError(this.#unreachable('the connection is closed')));
        return;
      }
      this.#calls.set(call, (answered) => {
        try {
          if (!answered) result = { value: read() };
          settle(answered);
        } catch (error) {
          settle(sentError(error)); // The session was removed meanwhile.
        }
      });
      this.#lines.write(line);
    });
    // The errors are made here, so that their stacks show who has called.
    if (failure?.code === 'MANAGER_CLOSED') throw this.#unreachable('its manager was closed during the call');
    if (failure || !result) throw receivedError(failure ?? sentError(this.#unreachable('it gave no answer')));
    return result.value;
  }

  /** Resolves when the connection is closed. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  close(): void {
    this.#lines.close();
  }

  #receive(message: FromOwner): void {
    this.#silentChecks = 0;
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
        this.#isReady = true;
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
    // Not a time: if this process itself was busy, what the owner has sent waits to be read.
    if (++this.#silentChecks > MOST_SILENT_CHECKS) this.close();
    else this.#lines.send({ type: 'ping' } satisfies FromClient);
  }

  #closed(): void {
    clearInterval(this.#ping);
    this.#ready.resolve(this.#unreachable('it does not answer, or has ended the connection'));
    const lost = this.#unreachable(
      'the connection was lost during the call, so look at the record to see what was done',
    );
    for (const settle of this.#calls.values()) settle(sentError(lost));
    this.#calls.clear();
    if (this.#isReady) this.#listener.onLost();
    this.#lost.resolve();
  }

  #unreachable(why: string): OrchestrationError {
    const pid = this.#pid;
    const owner = pid === undefined ? 'The process that owns the sessions' : `Process ${pid}, which owns the sessions,`;
    return new OrchestrationError('OWNER_UNREACHABLE', `${owner} cannot be reached: ${why}.`);
  }
}

/** The owner would close the connection. @throws OrchestrationError `INVALID_OPTIONS` */
function requireShort(line: string): void {
  const bytes = Buffer.from(line);
  const isDense = isJsonOfTooManyValues(bytes);
  if (bytes.length <= MOST_CALL_BYTES && !isDense) return;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `The arguments have ${bytes.length} bytes${isDense ? ' and very many values' : ''}; ${MOST_CALL_BYTES} bytes can be sent to the process that owns the sessions. Put the text into a file of the workspace, and name the file in the prompt.`,
  );
}
