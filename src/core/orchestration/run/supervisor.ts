import { once } from 'node:events';
import type { RunHandle } from '../contract/run-handle.js';
import type { Slot } from '../queue/slot.js';
import type { SessionAction } from '../session/actions.js';
import { type Outcome, outcomeOf } from '../session/outcome.js';
import type { UnifiedSession } from '../session/record.js';
import type { RunStop } from '../session/run.js';
import { workedMs } from '../session/run-time.js';
import { deferred, within } from '../util/deferred.js';
import { messageOf, OrchestrationError, type OrchestrationErrorCode, systemCode } from '../util/errors.js';
import { type CommandRunner, runHooks } from './hooks.js';
import type { Spending } from './limits.js';
import { RunWatch } from './observer.js';
import { RunFreeze } from './pause.js';
import { RunRest } from './slot-lease.js';
import { lastRun, RunStart, type RunStartOptions } from './start.js';

/** How long the end of a run waits for the record that tells that it was wanted. */
const SAVED_MS = 2_000;

export interface SupervisorOptions extends RunStartOptions {
  slot: Slot;
  /** What the session has cost together with those that it leads. */
  spending: () => Spending;
  /** What the agent's command for its children does; absent where it leads none. */
  commands?: (rest: RunRest) => CommandRunner;
  dispatch: (action: SessionAction) => UnifiedSession;
}

/**
 * Sees one run through: begin, watch, intervene, end. The run's end is reported once, after everything that its log
 * holds. What each of these takes is in a file of its own; here is what they do to each other.
 */
export class RunSupervisor {
  /** How the run went; undefined where this host was detached from it. Never rejects. */
  readonly finished: Promise<Outcome | undefined>;
  readonly #options: SupervisorOptions;
  readonly #watch: RunWatch;
  readonly #rest: RunRest;
  readonly #freeze: RunFreeze;
  readonly #start: RunStart;
  /** Resolves when the executor has launched the run, or found it; with undefined when neither will happen any more. */
  readonly #launched = deferred<RunHandle | undefined>();
  /** Resolves when the record tells that the run executes, or is over. */
  readonly #running = deferred<void>();
  readonly #takenOver = deferred<void>();
  /** Aborted when the run goes on without this host. The reason is what those are told who wanted something of it. */
  readonly #detached = new AbortController();
  /** Why the run was told to end. */
  #stopped: RunStop | undefined;
  /** The record does not change any more. */
  #over = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { slot, now, spending, request, session, adopt } = options;
    const dispatch = (action: SessionAction): UnifiedSession | undefined => this.#dispatch(action);
    this.#rest = new RunRest({ slot, now, dispatch, waitingFor: adopt && session().waitingFor });
    this.#watch = new RunWatch({
      request,
      now,
      spending,
      onToolEnd: (toolUseId) => this.#rest.after(toolUseId),
      dispatch,
      stop: (stop, how) => this.stop(stop, how),
      // A run that has ended, or is being ended, is neither held nor let go.
      hold: () => void this.#freeze.hold().catch(() => {}),
      release: () => void this.#freeze.release().catch(() => {}),
      stopping: () => this.stopping,
      run: () => lastRun(session()),
    });
    this.#freeze = new RunFreeze({
      approvals: this.#watch.guard.approvals,
      heldFile: request.folder.held,
      now,
      dispatch,
      session,
      whileUnderWay: (work) => this.#whileUnderWay(work),
    });
    this.#start = new RunStart(options, {
      watch: this.#watch,
      hooks: runHooks({
        guard: this.#watch.guard,
        steering: this.#watch.steering,
        rest: this.#rest,
        ...(options.commands && { commands: options.commands(this.#rest) }),
        ready: Promise.all([this.#running.promise, this.#watch.caughtUp]),
        conversationId: () => session().channelCoderSession,
        now,
        dispatch,
      }),
      dispatch,
      detached: this.#detached.signal,
      stopping: () => this.stopping,
      onLaunch: () => this.#takenOver.resolve(),
    });
    if (adopt) this.#stopped = lastRun(session()).stop;
    this.finished = this.#run();
  }

  /** Ends the run. `finished` resolves when it is proved gone; the first cause given is the one that is kept. */
  stop(stop: RunStop, how: 'gently' | 'at-once' = 'gently'): void {
    // Another host may have the run by now; those who are asked wait for that host.
    if (this.#detached.signal.aborted) return;
    const before = this.#stopped;
    // Two later causes replace the first: a guard breach found during a cancellation, and what ends the session for good
    // (a cancel, a limit) while continue() is stopping the run. In both cases the run must not be continued.
    const outweighs =
      (how === 'at-once' && before?.status === 'cancelled') ||
      (before?.feedback !== undefined && stop.feedback === undefined);
    if (!before || outweighs) {
      this.#stopped = stop;
      this.#dispatch({ type: 'stopping', stop });
    }
    this.#watch.guard.approvals.end(stop.error);
    this.#watch.steering.end();
    void this.#end(how);
  }

  /**
   * This host has nothing to do with the run any more; unlike after `stop`, the run goes on. Resolves when no launch is
   * under way, and nothing is written any more.
   */
  detach(): Promise<void> {
    this.#detached.abort(new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before that could be done.'));
    this.#watch.guard.approvals.detach();
    this.#watch.detach();
    return this.#launched.promise.then(async (handle) => {
      await this.#freeze.letGo(handle);
      await handle?.detach();
    });
  }

  /** Resolves when a run that was adopted is under way; never, where it turns out to have ended. */
  get takenOver(): Promise<void> {
    return this.#takenOver.promise;
  }

  /** Whether the run was launched anew, because what another host was launching never came to be. */
  get isAnew(): boolean {
    return this.#start.isAnew;
  }

  /** Whether the run was told to end. */
  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** What the conversation goes on with when the run has ended; undefined where it does not. */
  get continuing(): string | undefined {
    return this.#stopped?.feedback;
  }

  /** Freezes the run; no limit's time passes for it. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  pause(): Promise<void> {
    return this.#freeze.pause();
  }

  /** Lets a frozen run go on. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  resume(): Promise<void> {
    return this.#freeze.resume();
  }

  /** The sessions that this one leads have cost more. */
  spent(): void {
    this.#watch.limits.spent();
  }

  /** Answers a waiting approval. @throws OrchestrationError `REQUEST_NOT_FOUND` */
  answer(requestId: string, decision: 'allow' | 'deny', note: string | undefined): void {
    this.#watch.guard.approvals.answer(requestId, decision, note);
  }

  /** Resolves when the agent was given the message. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  async steer(message: string): Promise<void> {
    const heard = this.#watch.steering.push(message);
    heard.catch(() => {}); // Told of below: a launch may take longer than the disk does to refuse.
    const handle = await this.#launched.promise;
    if (handle && !handle.hooked) throw this.#refused('steered: its executor has no means for that');
    if (await heard) return;
    if (this.#detached.signal.aborted)
      throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the agent heard the message.');
    throw this.#refused('steered any more: the run ended before the agent heard the message. Use continue() with it');
  }

  async #run(): Promise<Outcome | undefined> {
    const { signal } = this.#detached;
    const outcome = await this.#seeThrough();
    this.#launched.resolve(undefined);
    if (outcome && !signal.aborted) await this.#close();
    // Where another host may have the run by now, it is that host's to say how it went.
    return signal.aborted ? undefined : outcome;
  }

  /** From the beginning of the run to its end; undefined where this host was detached before. */
  async #seeThrough(): Promise<Outcome | undefined> {
    const { signal } = this.#detached;
    let handle: RunHandle | undefined;
    try {
      handle = await this.#start.begin();
      this.#launched.resolve(handle);
      if (signal.aborted) return undefined;
      if (!handle) return this.#outcome({});
      // The host that was told to end the run is gone.
      if (this.#options.adopt && this.#stopped) void this.#end('gently');
      return await Promise.race([this.#follow(handle), once(signal, 'abort').then(() => undefined)]);
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#watch.detach();
      await handle?.stop('gently').catch(() => {}); // What cannot be watched must not run on, beside a slot that is free.
      await handle?.release?.();
      const reason = error instanceof OrchestrationError ? error.code : diskReason(error);
      return this.#outcome({ reason, error: messageOf(error) });
    }
  }

  async #follow(handle: RunHandle): Promise<Outcome | undefined> {
    const { adopt, session, saved } = this.#options;
    const started = await handle.started;
    const held = adopt !== undefined && (await this.#freeze.wasHeld());
    if (this.#detached.signal.aborted) return undefined;
    if (started) this.#began(started, handle, held);
    const replay = this.isAnew ? undefined : adopt;
    await this.#watch.start(handle, { offset: lastRun(session()).logOffset ?? 0, replay });
    if (!handle.over) void this.#watch.caughtUp.then(() => this.#takenOver.resolve());
    const end = await handle.ended;
    if (this.#detached.signal.aborted) return undefined;
    if (!lastRun(session()).exit) this.#dispatch({ type: 'exited', end });
    // Where the disk refuses, the session fails for that; its container is not left behind.
    const release = saved()
      .catch(() => {})
      .then(() => handle.release?.());
    await Promise.all([release, this.#watch.drain()]);
    return this.#concluded(this.#outcome(end));
  }

  /** With what the mode has to say of the run; where it cannot, the record tells that. */
  async #concluded(outcome: Outcome): Promise<Outcome> {
    if (this.continuing !== undefined) return outcome;
    const { executor, request, session, now } = this.#options;
    const { spec, folder } = request;
    try {
      const { status, result } = outcome;
      const more = await executor.conclude({ spec, folder, session: session(), status, result });
      return { ...outcome, result: { ...result, ...more } };
    } catch (error) {
      const message = `What came of the run cannot be told: ${messageOf(error)}`;
      const observation = { kind: 'error', severity: 'warning', code: 'no_conclusion', message } as const;
      this.#dispatch({ type: 'observed', at: now(), observations: [observation] });
      return outcome;
    }
  }

  /** The run executes: from now on it can be frozen, its hooks are answered, and its time counts. */
  #began(started: { containerId?: string }, handle: RunHandle, held: boolean): void {
    const { now, session } = this.#options;
    const worked = workedMs(lastRun(session()), now());
    if (session().status === 'starting') this.#dispatch({ type: 'running', at: now(), ...started });
    this.#freeze.found(handle, held);
    this.#watch.limits.start(worked);
    this.#keepTime();
    this.#running.resolve();
  }

  /** Ends the run as soon as there is something to be ended; the record that this was wanted is on disk by then. */
  async #end(how: 'gently' | 'at-once'): Promise<void> {
    const handle = await this.#launched.promise;
    // It has to end all the same, whatever the disk does.
    if (how === 'gently') await within(this.#options.saved(), SAVED_MS).catch(() => {});
    await handle?.stop(how).catch(() => {}); // #follow hears of it, too.
  }

  /** Does something to the run in the same turn in which it is known to execute, and not to end. */
  async #whileUnderWay(work: (handle: RunHandle) => Promise<void>): Promise<void> {
    await Promise.race([this.#running.promise, this.finished]);
    const handle = await this.#launched.promise;
    this.#detached.signal.throwIfAborted();
    if (!handle || this.#over || this.#stopped) throw this.#refused('paused or resumed: its run ends');
    await work(handle);
  }

  /** No time passes for the agent while it is frozen, has nothing to do, or while a person has to decide. */
  #keepTime(): void {
    const { guard, limits } = this.#watch;
    if (this.#freeze.frozen || guard.approvals.holdsTime || this.#rest.resting) limits.pause();
    else limits.resume();
  }

  #dispatch(action: SessionAction): UnifiedSession | undefined {
    if (this.#detached.signal.aborted || this.#over) return undefined;
    const session = this.#options.dispatch(action);
    this.#keepTime();
    return session;
  }

  /** Nothing of the run is left but its outcome. */
  async #close(): Promise<void> {
    await this.#watch.close();
    this.#over = true;
    this.#running.resolve();
  }

  #outcome(end: Awaited<RunHandle['ended']>): Outcome {
    return outcomeOf({ end, stopped: this.#stopped, ...this.#watch.witnesses });
  }

  #refused(what: string): OrchestrationError {
    return new OrchestrationError(
      'ILLEGAL_TRANSITION',
      `Session ${this.#options.request.session.id} cannot be ${what}.`,
    );
  }
}

/** What a run needs on disk is written in many places; the system's own words say which. */
function diskReason(error: unknown): OrchestrationErrorCode {
  const full = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '');
  return full ? 'STATE_NOT_WRITABLE' : 'LAUNCH_FAILED';
}
