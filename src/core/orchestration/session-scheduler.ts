import { OrchestrationError } from './errors.js';
import { type QueueStatus, SimpleQueue, type SimpleQueueOptions } from './queue/simple-queue.js';
import type { Outcome } from './run-outcome.js';
import { RunSupervisor } from './run-supervisor.js';
import type { SessionEvent } from './session-events.js';
import type { PreparedSession } from './session-intake.js';
import { isTerminal } from './session-lifecycle.js';
import type { SessionStore } from './session-store.js';
import type { CreateSessionOptions, UnifiedSession } from './types.js';

/** What a session is made of besides its record; kept so that it can be continued. */
interface SessionParts extends PreparedSession {
  /** What the next run is told; the first is told the prompt. */
  feedback?: string;
  /** The run under way. */
  supervisor?: RunSupervisor;
  /** Set while a run is stopped in order to be continued. */
  continuing?: string;
}

export interface SchedulerOptions extends Omit<SimpleQueueOptions, 'onStart'> {
  store: SessionStore;
  now: () => number;
  emit: (event: SessionEvent) => void;
}

/** Brings the queue's decisions and the runs together: who starts, who ends, whose turn it is next. */
export class SessionScheduler {
  readonly #store: SessionStore;
  readonly #now: () => number;
  readonly #emit: (event: SessionEvent) => void;
  readonly #queue: SimpleQueue;
  readonly #parts = new Map<string, SessionParts>();
  #closed = false;

  constructor({ store, now, emit, ...limits }: SchedulerOptions) {
    this.#store = store;
    this.#now = now;
    this.#emit = emit;
    // One that is still being prepared has a slot, but no record yet: admit() starts it.
    this.#queue = new SimpleQueue({ ...limits, onStart: (id) => void (this.#parts.has(id) && this.#start(id)) });
  }

  /** Takes a place for a session that is about to be prepared. @throws OrchestrationError `QUEUE_FULL` */
  reserve(id: string): void {
    this.#queue.enqueue(id);
  }

  /** Gives the place back: the session cannot be prepared. */
  giveUp(id: string): void {
    this.#leaveQueue(id);
  }

  /** Records a session whose place was reserved, and starts it where the place is a slot. */
  admit(prepared: PreparedSession, options: Pick<CreateSessionOptions, 'taskId' | 'parentId'>): UnifiedSession {
    const { spec, environment } = prepared;
    const queuePosition = this.#queue.positionOf(spec.id);
    this.#parts.set(spec.id, { ...prepared });
    this.#store.dispatch(spec.id, {
      type: 'created',
      at: this.#now(),
      session: {
        id: spec.id,
        mode: spec.mode,
        environment,
        ...(options.taskId !== undefined && { taskId: options.taskId }),
        ...(options.parentId !== undefined && { parentId: options.parentId }),
        ...(queuePosition !== undefined && { queuePosition }),
      },
    });
    this.#queueChanged(spec.id);
    const created = this.#store.registry.demand(spec.id);
    if (created.status === 'starting') this.#start(spec.id);
    return created;
  }

  /** Ends a session for good; see `UnifiedSessionManager.cancel`. */
  async cancel(session: UnifiedSession, reason: string): Promise<UnifiedSession> {
    const { id } = session;
    if (isTerminal(session.status)) return session;
    const parts = this.#partsOf(id);
    if (parts.supervisor) {
      delete parts.continuing;
      parts.supervisor.stop(reason);
      return this.#store.waiters.wait(session, {});
    }
    const cancelled = this.#store.dispatch(id, {
      type: 'ended',
      at: this.#now(),
      status: 'cancelled',
      result: { reason: 'cancelled', error: reason },
    });
    this.#leaveQueue(id);
    return cancelled;
  }

  /** Adds a run; see `UnifiedSessionManager.continue`. */
  async continue(session: UnifiedSession, feedback: string): Promise<UnifiedSession> {
    const { id } = session;
    const parts = this.#partsOf(id);
    const waiting = ['queued', 'starting'].includes(session.status) || parts.continuing !== undefined;
    if (waiting || session.channelCoderSession === undefined) {
      const why = waiting
        ? 'it waits for its next run already; let that start first'
        : 'Claude has not begun a conversation in it; create a new session';
      throw new OrchestrationError(
        'ILLEGAL_TRANSITION',
        `Session ${id} ('${session.status}') cannot be continued: ${why}.`,
      );
    }
    if (parts.supervisor) {
      parts.continuing = feedback;
      parts.supervisor.stop('stopped to be continued with feedback');
      await parts.supervisor.finished;
      if (this.#closed)
        throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the run could be continued.');
      return this.#store.registry.demand(id);
    }
    const admission = this.#queue.enqueue(id);
    parts.feedback = feedback;
    const next = this.#store.dispatch(id, {
      type: 'continued',
      at: this.#now(),
      feedback,
      ...(admission.status === 'queued' && { queuePosition: admission.position }),
    });
    this.#queueChanged(id);
    if (admission.status === 'starting') this.#start(id);
    return next;
  }

  status(): QueueStatus {
    return this.#queue.status();
  }

  /** Lets go of all runs; nothing starts any more. */
  close(): void {
    this.#closed = true;
    for (const { supervisor } of this.#parts.values()) supervisor?.detach();
  }

  #start(id: string): void {
    if (this.#closed) return;
    const parts = this.#partsOf(id);
    const session = this.#store.registry.demand(id);
    const last = session.runs.at(-1);
    const supervisor = new RunSupervisor({
      executor: parts.executor,
      now: this.#now,
      dispatch: (action) => void this.#store.dispatch(id, action),
      request: {
        spec: parts.spec,
        session,
        run: last && last.launchedAt === undefined ? last.number : session.runs.length + 1,
        folder: parts.folder,
        feedback: parts.feedback,
        resume: parts.feedback === undefined ? undefined : session.channelCoderSession,
      },
    });
    parts.supervisor = supervisor;
    void supervisor.finished.then((outcome) => void (outcome && this.#finish(id, outcome)));
  }

  #finish(id: string, { status, result }: Outcome): void {
    const parts = this.#partsOf(id);
    delete parts.supervisor;
    const feedback = parts.continuing;
    delete parts.continuing;
    // Where nobody knows whether the run is gone, another beside it would share its workspace.
    if (feedback !== undefined && result.reason !== 'DOCKER_UNAVAILABLE') {
      // It keeps its slot: the session has not ended.
      parts.feedback = feedback;
      const { exitCode } = result;
      const at = this.#now();
      this.#store.dispatch(id, { type: 'continued', at, feedback, ...(exitCode !== undefined && { exitCode }) });
      this.#start(id);
      return;
    }
    this.#store.dispatch(id, { type: 'ended', at: this.#now(), status, result });
    this.#leaveQueue(id);
  }

  #leaveQueue(id: string): void {
    if (this.#queue.release(id) || this.#queue.remove(id)) this.#queueChanged(id);
  }

  /** Brings the positions on record up to date and tells the listeners. */
  #queueChanged(cause: string): void {
    const queue = this.#queue.status();
    for (const { id, position } of queue.items) {
      const session = this.#store.registry.get(id);
      if (session?.status === 'queued' && session.queuePosition !== position) {
        this.#store.dispatch(id, { type: 'moved', queuePosition: position });
      }
    }
    this.#emit({ type: 'queue:changed', sessionId: cause, at: this.#now(), queue });
  }

  #partsOf(id: string): SessionParts {
    const parts = this.#parts.get(id);
    if (parts) return parts;
    throw new OrchestrationError('SESSION_NOT_FOUND', `Session ${id} has no parts in this manager.`);
  }
}
