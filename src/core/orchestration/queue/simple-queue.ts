import type { QueueStatus } from '../session/queue-status.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { type Admission, SlotQueue } from './slot-queue.js';

/** Something that a `SimpleQueue` runs. */
export interface QueueItem {
  /** Names the item in `status()` and in messages. No other item that runs or waits may have it. */
  readonly id: string;
  /** Does the work. The item holds its slot until the returned promise is settled. */
  run(): unknown;
}

export interface SimpleQueueOptions<Item extends QueueItem = QueueItem> {
  /** How many items run at once. Positive integer; default 3. */
  maxConcurrent?: number;
  /** How many items may wait. One more is refused with `QUEUE_FULL`. Non-negative integer; default 10. */
  maxQueued?: number;
  /** Called when an item has failed. By then, its slot is free. Default: a warning of the process that names the item. */
  onError?: (error: unknown, item: Item) => void;
}

/**
 * A queue for any work: first in, first out, with a limit on the items that run and on those that wait. The sessions of a manager
 * are in a queue of the same kind, so you need this class only for work that is no session.
 *
 * @example
 * ```ts
 * const queue = new SimpleQueue({ maxConcurrent: 1 });
 * await queue.enqueue({ id: 'lint', run: () => lint() }); // { status: 'starting' }
 * await queue.enqueue({ id: 'test', run: () => test() }); // { status: 'queued', position: 1 }
 * ```
 */
export class SimpleQueue<Item extends QueueItem = QueueItem> {
  readonly #slots: SlotQueue;
  /** The items that run or wait. */
  readonly #items = new Map<string, Item>();
  readonly #onError: (error: unknown, item: Item) => void;

  /** @throws OrchestrationError `INVALID_OPTIONS` */
  constructor({ maxConcurrent = 3, maxQueued = 10, onError = warn }: SimpleQueueOptions<Item> = {}) {
    requireInteger('maxConcurrent', maxConcurrent, 1);
    requireInteger('maxQueued', maxQueued, 0);
    this.#onError = onError;
    this.#slots = new SlotQueue({ maxConcurrent, maxQueued, onStart: (id) => this.#start(id) });
  }

  /**
   * Runs an item at once if a slot is free. Otherwise, the item waits and runs when those before it have got their slots. The
   * promise resolves at once, and not when the item has run.
   *
   * @throws OrchestrationError `QUEUE_FULL`, or `INVALID_OPTIONS` if an item with this id runs or waits. The queue is unchanged.
   */
  async enqueue(item: Item): Promise<Admission> {
    if (typeof item?.id !== 'string' || typeof item.run !== 'function') {
      throw invalid(`An item needs an 'id' and a function 'run'. Received ${quote(item)}.`);
    }
    if (this.#items.has(item.id)) {
      throw invalid(
        `An item with the id ${quote(item.id)} runs or waits already. Wait for its end, or use another id.`,
      );
    }
    const admission = this.#slots.enqueue(item.id);
    this.#items.set(item.id, item);
    if (admission.status === 'starting') this.#start(item.id);
    return admission;
  }

  /** How many items run and wait, and which of them wait. */
  status(): QueueStatus {
    return this.#slots.status();
  }

  #start(id: string): void {
    const item = this.#items.get(id);
    if (item) void this.#run(item);
  }

  async #run(item: Item): Promise<void> {
    let failure: { error: unknown } | undefined;
    try {
      await item.run();
    } catch (error) {
      failure = { error };
    }
    this.#items.delete(item.id);
    this.#slots.release(item.id);
    if (!failure) return;
    try {
      this.#onError(failure.error, item);
    } catch (error) {
      warn(error, item);
    }
  }
}

function warn(error: unknown, { id }: QueueItem): void {
  process.emitWarning(`The item ${quote(id)} of a queue failed: ${messageOf(error)}`, 'QueueItemFailed');
}

function requireInteger(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw invalid(`Option '${option}': must be an integer of at least ${least}. Received ${quote(value)}.`);
}

function invalid(message: string): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', message);
}
