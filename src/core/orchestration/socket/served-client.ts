import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { OrchestrationError } from '../util/errors.js';
import { JsonLines } from './json-lines.js';
import { type FromOwner, fromClient, MOST_CALL_BYTES, sentError, type Verb } from './messages.js';

/** Longer lines, and lines of very many values, are not sent by clients that keep to the rules. */
const LIMITS = { mostLineBytes: MOST_CALL_BYTES, dense: false };
/** How many calls of one client may be under way. */
const MOST_CALLS = 100;
/** How much may wait until all records are sent, in characters. */
const MOST_WAITING_LENGTH = 32 * 1024 * 1024;

export interface ServedClientListener {
  onCall(verb: Verb, args: readonly unknown[]): Promise<void>;
  onClose(): void;
}

/** One connected process, as the owner sees it. */
export class ServedClient {
  readonly #lines: JsonLines;
  readonly #onCall: ServedClientListener['onCall'];
  #calls = 0;
  /** What the client has: nothing; some records, so that what happens meanwhile waits; all records. */
  #stage: 'new' | 'beginning' | 'ready' = 'new';
  readonly #waiting: string[] = [];
  #waitingLength = 0;

  constructor(socket: Socket, { onCall, onClose }: ServedClientListener) {
    this.#onCall = onCall;
    this.#lines = new JsonLines(socket, LIMITS, { onMessage: (message) => this.#receive(message), onClose });
  }

  get closed(): boolean {
    return this.#lines.closed;
  }

  /** Sends all records, in turns, and then the changes that have happened meanwhile. */
  async begin(records: Iterable<UnifiedSession>, queue: QueueStatus): Promise<void> {
    this.#stage = 'beginning';
    for (const session of records) {
      this.send({ type: 'record', session });
      await this.#lines.drained();
      await nextTurn();
      if (this.closed) return;
    }
    this.send({ type: 'ready', queue });
    this.#stage = 'ready';
    for (const line of this.#waiting.splice(0)) this.#lines.write(line);
  }

  /** Sends at once. */
  send(message: FromOwner): void {
    this.#lines.send(message);
  }

  /** Tells of a change or an answer, after the records. What happens before `begin` is in the records. */
  tell(line: string): void {
    if (this.#stage === 'ready') this.#lines.write(line);
    if (this.#stage !== 'beginning') return;
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (this.#waitingLength > MOST_WAITING_LENGTH) this.#lines.close();
  }

  end(): void {
    this.#lines.end();
  }

  /** @throws ZodError for what is no message of a client */
  #receive(received: unknown): void {
    const message = fromClient().parse(received);
    // Pongs to a client that does not read would only fill the memory.
    if (message.type === 'ping' && this.#lines.isRead) this.send({ type: 'pong' });
    if (message.type === 'ping') return;
    void this.#answer(message.call, message.verb, message.args);
  }

  async #answer(call: number, verb: Verb, args: readonly unknown[]): Promise<void> {
    let answer: FromOwner = { type: 'answer', call };
    this.#calls += 1;
    try {
      if (this.#calls > MOST_CALLS) throw tooMany();
      await this.#onCall(verb, args);
    } catch (error) {
      answer = { ...answer, error: sentError(error) };
    }
    // The changes that the call has made were told before.
    this.tell(`${JSON.stringify(answer)}\n`);
    this.#calls -= 1;
  }
}

function tooMany(): OrchestrationError {
  return new OrchestrationError(
    'QUEUE_FULL',
    `The process that owns the sessions carries out ${MOST_CALLS} calls of this process already. Wait for one of them to end.`,
  );
}
