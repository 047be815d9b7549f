import { DEFAULT_POLICY, type SessionManagerEvents, type SessionPriority } from 'autonomous-orchestration';
import { SessionQueue } from '../../src/core/orchestration/manager/session-queue.js';
import { SessionJournal } from '../../src/core/orchestration/store/disk/session-journal.js';
import { EventDelivery } from '../../src/core/orchestration/store/event-delivery.js';
import { SessionStore } from '../../src/core/orchestration/store/store.js';
import { SYSTEM_CLOCK } from '../../src/core/orchestration/util/clock.js';
import { IsolatedEmitter } from '../../src/core/orchestration/util/isolated-emitter.js';
import { answer, collectGarbage } from './child.js';

export interface QueueCosts {
  readonly creates: number[];
  readonly cancels: number[];
  readonly ends: number[];
  readonly changes: number;
  readonly heapMb: number;
  readonly grownMb: number;
}

const CALLS = 1_000;
const PRIORITIES: readonly SessionPriority[] = ['high', 'normal', 'low'];
const MAX_CONCURRENT = 3;

/** The queue of a manager with its records and events, without runs and without a disk. */
class Queue {
  readonly #store: SessionStore;
  readonly #queue: SessionQueue;
  readonly #running: string[] = [];
  readonly #waiting: string[] = [];
  #made = 0;

  constructor() {
    const emitter = new IsolatedEmitter<SessionManagerEvents>();
    emitter.on('event', () => {});
    const journal = new SessionJournal({ docker: {}, policy: DEFAULT_POLICY });
    this.#store = new SessionStore(SYSTEM_CLOCK, new EventDelivery(emitter), journal);
    this.#queue = new SessionQueue({
      store: this.#store,
      clock: SYSTEM_CLOCK,
      stateDir: '/nowhere', // Nothing is held, so nothing is written.
      maxConcurrent: MAX_CONCURRENT,
      maxQueued: Number.MAX_SAFE_INTEGER,
      releaseSlotWhileWaiting: true,
      onStart: (id) => this.#start(id),
      onDependencyFailed: (id) => this.#end(id),
    });
  }

  /** Of ten sessions, four wait for others, some of which wait themselves, and one waits for a time. */
  create(): string {
    const number = this.#made++;
    const id = number.toString(36).padStart(12, '0');
    const earlier = this.#waiting[this.#waiting.length - 1 - (number % 7)];
    const priority = PRIORITIES[number % 3] ?? 'normal';
    const after = number % 10 < 4 && earlier !== undefined ? [{ id: earlier, on: 'ended' as const }] : undefined;
    const notBefore = number % 10 === 9 ? Date.now() + 86_400_000 : undefined;
    const plan = { priority, ...(after && { after }), ...(notBefore !== undefined && { notBefore }) };
    this.#queue.admit(id, plan);
    const queuePosition = this.#queue.positionOf(id);
    const starts = this.#queue.isRunning(id);
    this.#store.dispatch(id, {
      type: 'created',
      at: Date.now(),
      ...(queuePosition === undefined && !starts && { blocked: true }),
      session: {
        id,
        mode: 'autonomous',
        environment: { docker: false, dockerImage: '', cwd: '/' },
        ...plan,
        ...(queuePosition !== undefined && { queuePosition }),
      },
    });
    this.#queue.changed(id);
    this.#queue.settleNew(id);
    if (starts) this.#start(id);
    else this.#waiting.push(id);
    return id;
  }

  cancel(id: string): void {
    this.#end(id);
    this.#waiting.splice(this.#waiting.lastIndexOf(id), 1);
    this.#store.dispatch(id, { type: 'removed' });
  }

  /** Ends the session that has run for the longest time. */
  end(): void {
    const id = this.#running.shift();
    if (id !== undefined) this.#end(id);
  }

  #start(id: string): void {
    this.#running.push(id);
    this.#store.dispatch(id, { type: 'launching', at: Date.now() });
  }

  #end(id: string): void {
    this.#store.dispatch(id, { type: 'ended', at: Date.now(), status: 'completed', result: { reason: 'success' } });
    this.#queue.leave(id);
  }

  close(): void {
    this.#queue.close();
  }
}

/** One change, with the delivery of its events. */
async function timed<T>(into: number[], change: () => T): Promise<T> {
  const start = performance.now();
  const made = change();
  await undefined;
  into.push(performance.now() - start);
  return made;
}

function heapMb(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

async function measured(queue: Queue): Promise<Omit<QueueCosts, 'changes' | 'heapMb' | 'grownMb'>> {
  const [creates, cancels, ends] = [[], [], []] as [number[], number[], number[]];
  for (let call = 0; call < CALLS; call++) {
    const id = await timed(creates, () => queue.create());
    await timed(cancels, () => queue.cancel(id));
  }
  return { creates, cancels, ends };
}

const waiting = Number(process.argv[2]);
const queue = new Queue();
for (let count = 0; count < waiting + MAX_CONCURRENT; count++) queue.create();
await measured(queue);
const before = heapMb();
const costs = await measured(queue);
const after = heapMb();
for (let call = 0; call < waiting / 4; call++) await timed(costs.ends, () => queue.end());
queue.close();
answer({ ...costs, changes: 2 * CALLS, heapMb: after, grownMb: after - before } satisfies QueueCosts);
