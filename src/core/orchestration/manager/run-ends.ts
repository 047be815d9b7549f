import type { LeaderEffects } from '../family/leader-effects.js';
import { REMOVAL_MS } from '../run/removal-time.js';
import type { Run } from '../run/run.js';
import type { Outcome } from '../session/outcome.js';
import type { SessionResult, UnifiedSession } from '../session/record.js';
import { DEFAULT_RETRY, retryDelay } from '../session/retry.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { deferred, withTimeout } from '../util/deferred.js';
import { defined } from '../util/defined.js';
import { messageOf } from '../util/errors.js';
import { afterRun, type NextStep } from './after-run.js';
import { newAccount, spentLimit } from './continuable.js';
import type { LiveSessions } from './live-sessions.js';
import type { QueueHolds } from './queue-holds.js';
import type { SessionQueue } from './session-queue.js';
import { resumeTime, TimedWaits } from './usage-limit.js';
import { whatNext } from './what-next.js';

export interface RunEndsOptions {
  store: SessionStore;
  live: LiveSessions;
  clock: Clock;
  queue: SessionQueue;
  holds: QueueHolds;
  effects: LeaderEffects;
  /** Begins a run of a session that has a slot. */
  start: (id: string) => void;
}

/** What is known of a further run besides its feedback. */
interface FurtherRun {
  readonly exitCode?: number | undefined;
  readonly commandId?: string | undefined;
  readonly fresh?: true | undefined;
  readonly outputRetry?: number | undefined;
}

/** Carries out what follows the end of a run: the session ends, waits, or goes on. */
export class RunEnds {
  readonly #options: RunEndsOptions;
  readonly #waits: TimedWaits;
  /** The sessions that have ended, and whose last containers are being removed. */
  readonly #removals = new Map<string, { readonly run: Run; readonly removed: Promise<void> }>();
  /** When it was first asked what follows a run. Time that passes since then must not change the answer. */
  readonly #overAt = new WeakMap<Run, number>();
  #closed = false;

  constructor(options: RunEndsOptions) {
    this.#options = options;
    this.#waits = new TimedWaits(() => options.clock.now());
  }

  /** True if a session ends with a run that went so. */
  isLast(id: string, run: Run, outcome: Outcome): boolean {
    return this.#nextStep(id, run, outcome).kind === 'end';
  }

  /** Called when the outcome of a run is known. If the session does not end with it, nothing is left of the run. */
  finish(id: string, run: Run, outcome: Outcome): void {
    try {
      this.#finish(id, run, outcome);
    } catch (error) {
      // Nobody awaits this, and one session must not end the process with all others.
      process.emitWarning(`The end of a run of session ${id} cannot be recorded: ${messageOf(error)}`, 'RunEndFailed');
    }
  }

  #finish(id: string, run: Run, outcome: Outcome): void {
    const { live, store } = this.#options;
    const session = store.registry.require(id);
    const next = this.#nextStep(id, run, outcome);
    live.require(id).run = undefined;
    this.#options.holds.ran(id);
    const { exitCode } = outcome.result;
    if (next.kind === 'go-on') {
      // Somebody wants this session to go on now. A run that only gives its result again is nobody's wish.
      if (next.outputRetry === undefined) this.#options.holds.exempt(id);
      else this.#options.queue.giveBackIfHeld(id);
      this.#goOn(id, next.feedback, {
        exitCode,
        fresh: session.runs.at(-1)?.stop?.fresh,
        commandId: session.runs.at(-1)?.stop?.commandId,
        outputRetry: next.outputRetry,
      });
    } else if (next.kind === 'wait') this.#suspend(session, next, exitCode);
    else this.#end(session, run, outcome, next.failedAttempts);
  }

  /** True if a session has ended, and its last container is still being removed. */
  isRemoving(id: string): boolean {
    return this.#removals.has(id);
  }

  /** Resolves when nothing is left of a session's last run, and its slot is free. At once, unless the session has just ended. */
  async removed(id: string): Promise<void> {
    await this.#removals.get(id)?.removed;
  }

  /** Resolves when nothing is left of the sessions that have ended, or when that takes too long, see `REMOVAL_MS`. */
  async allRemoved(): Promise<void> {
    await withTimeout(Promise.all([...this.#removals.values()].map(({ removed }) => removed)), REMOVAL_MS);
    // The next manager may have their sessions soon.
    if (this.#closed) for (const { run } of this.#removals.values()) void run.detach();
  }

  #nextStep(id: string, run: Run, outcome: Outcome): NextStep {
    const { live, store, clock, effects } = this.#options;
    const session = store.registry.require(id);
    const { retry = DEFAULT_RETRY, limits } = live.require(id).spec;
    const isSpent = spentLimit(effects.tree.spending(session), limits) !== undefined;
    const now = this.#overAt.get(run) ?? clock.now();
    this.#overAt.set(run, now);
    return afterRun(session, outcome, { feedback: run.continuing, retry, now, isSpent });
  }

  /**
   * Adds a run to a session that waits until a time, because somebody wants it to go on now. It waits in line for a slot.
   *
   * @param feedback default: what an agent is told whose session goes on by itself, see `whatNext`
   */
  goOn(id: string, feedback?: string, how: Pick<FurtherRun, 'fresh' | 'commandId'> = {}): UnifiedSession {
    this.#options.holds.exempt(id);
    return this.#goOn(id, feedback, how);
  }

  /** Adds a run to a session whose wait is over. */
  #wake(id: string): void {
    const { pausedFor, resumeAt } = this.#options.store.registry.require(id);
    if (pausedFor !== 'retry') this.#options.holds.exempt(id, resumeAt);
    this.#goOn(id);
  }

  /** Adds a run to a session that has not ended. If the session has given its slot back, it waits in line for a slot. */
  #goOn(id: string, feedback?: string, known: FurtherRun = {}): UnifiedSession {
    const { live, queue, holds, store, clock, start } = this.#options;
    this.forgetWait(id);
    const session = store.registry.require(id);
    const told = feedback === undefined ? whatNext(session) : { feedback };
    live.require(id).feedback = told.feedback;
    const changed = newAccount(session, live.require(id));
    if (changed.account !== undefined) holds.relabel(id, changed.account);
    const admission = queue.readmit(id);
    const next = store.dispatch(id, {
      type: 'continued',
      at: clock.now(),
      ...(admission.status === 'queued' && { queuePosition: admission.position }),
      ...told,
      ...changed,
      ...defined(known),
    });
    if (admission.status === 'starting') start(id);
    else queue.changed(id);
    return next;
  }

  /** Continues the wait of a session that an earlier manager had. */
  restoreWait(id: string, resumeAt: number): void {
    this.#waits.wait(id, resumeAt, () => this.#wake(id));
  }

  /** Called when a session that waits no longer does. */
  forgetWait(id: string): void {
    this.#waits.forget(id);
  }

  /** From now on, no session that waits goes on by itself, and no slot becomes free. */
  close(): void {
    this.#closed = true;
    this.#waits.close();
  }

  /** Lets a session wait, without a slot. */
  #suspend(
    { id }: UnifiedSession,
    { failure, resetsAt }: Extract<NextStep, { kind: 'wait' }>,
    exitCode: number | undefined,
  ): void {
    const { store, clock, live, queue, holds } = this.#options;
    const at = clock.now();
    const { retry = DEFAULT_RETRY } = live.require(id).spec;
    const resumeAt =
      failure.pausedFor === 'retry'
        ? at + retryDelay(retry, failure.attempt, id)
        : resumeTime(at, failure.attempt, resetsAt);
    store.dispatch(id, { type: 'suspended', at, resumeAt, failure, ...(exitCode !== undefined && { exitCode }) });
    this.#waits.wait(id, resumeAt, () => this.#wake(id));
    // Others of the account would only reach the same limit.
    if (failure.pausedFor !== 'retry') {
      holds.accountFailed(id, { reason: failure.pausedFor, error: failure.error, until: resumeAt });
    }
    queue.leave(id);
  }

  /** Others of the account that may not pay extra usage would end as well. If the reset is not known, nobody would let them go on. */
  #paysExtra(id: string, error: string): void {
    const { clock, queue, holds } = this.#options;
    const resetsAt = queue.usage.overageUntil(holds.accountOf(id));
    if (resetsAt !== undefined) {
      holds.accountFailed(id, { reason: 'overage', error, until: resumeTime(clock.now(), 1, resetsAt) });
    }
  }

  /** Ends a session. Its slot becomes free when its container is gone. */
  #end({ id, runs }: UnifiedSession, run: Run, outcome: Outcome, failedAttempts: number | undefined): void {
    const { store, clock, queue, effects, holds } = this.#options;
    const { status, result, cause } = outcome;
    const removal = deferred<void>();
    // First, because the listeners of the end may call cancel(), which waits for this.
    this.#removals.set(id, { run, removed: removal.promise });
    queue.ending(id);
    // The session may have been told to end after its run was over.
    const stop = cause && runs.at(-1)?.stop;
    const removed = (): void => {
      this.#removals.delete(id);
      if (!this.#closed) queue.leave(id);
      removal.resolve();
    };
    const remove = (): void => {
      const removing = run.remove();
      if (removing !== undefined) void removing.catch(() => {}).then(removed);
      else removed();
    };
    let ended: UnifiedSession;
    try {
      ended = store.dispatch(id, {
        type: 'ended',
        at: clock.now(),
        status: stop?.status ?? status,
        result: stop ? { ...result, reason: stop.reason, error: stop.error } : triedAgain(result, failedAttempts),
      });
    } catch (error) {
      remove(); // Otherwise `cancel()` would wait for it for ever.
      throw error;
    }
    const { reason, error = '' } = ended.result ?? result;
    if (reason === 'auth' || reason === 'spend_limit') holds.accountFailed(id, { reason, error });
    else if (reason === 'overage') this.#paysExtra(id, error);
    remove();
    void effects.ended(ended);
  }
}

function triedAgain(result: SessionResult, attempts: number | undefined): SessionResult {
  if (attempts === undefined) return result;
  const times = attempts === 1 ? 'one further attempt' : `${attempts} further attempts`;
  return { ...result, error: `${result.error ?? ''} This was still so after ${times}.`.trim() };
}
