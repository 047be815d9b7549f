import { once } from 'node:events';
import type { RunHandle, Started, StopManner } from '../contract/run-handle.js';
import { checkedOutcome } from '../output/checked-outcome.js';
import { type Outcome, outcomeOf } from '../session/outcome.js';
import type { RunEnd, RunStop } from '../session/run.js';
import { workedMs } from '../session/run-time.js';
import { deferred, withTimeout } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import { withFinalResult } from './conclusion.js';
import type { RunControl } from './control.js';
import type { RunOptions, RunParts } from './parts.js';
import { makeParts } from './parts.js';
import { REMOVAL_MS } from './removal-time.js';
import { failureOf } from './run-failure.js';
import { watchSetup } from './setup-watch.js';
import { StopCause } from './stop-cause.js';

/** How long stopping a run waits for the stop reason to reach the disk. */
const SAVED_MS = 2_000;

/**
 * The state of a run. `launching` lasts until the record says that the run executes. `ending` begins with the first cause to end
 * the run, or with its exit. `over`: the outcome is known, and nothing changes it any more. `detached`: the run goes on without this
 * process.
 */
type RunState = 'launching' | 'running' | 'ending' | 'over' | 'detached';

/**
 * One run from its launch to its end: begin, watch, intervene, end. The end of the run is reported once, after everything that
 * the log contains. Each part of a run has a file of its own. This class says how the parts act on each other.
 */
export class Run implements RunControl {
  /**
   * How the run went. Undefined if this process was detached from the run. If the session ends with the run, the container is still
   * there, see `remove()`. Never rejects.
   */
  readonly finished: Promise<Outcome | undefined>;
  readonly #options: RunOptions;
  readonly #record: RunOptions['record'];
  readonly #parts: RunParts;
  readonly #cause: StopCause;
  #state: RunState = 'launching';
  #handle: RunHandle | undefined;
  #removal: Promise<void> | undefined;
  /** Resolves when the executor has launched or found the run. Undefined when neither can happen any more. */
  readonly #launched = deferred<RunHandle | undefined>();
  /** Resolves when the record says that the run executes, or is over. */
  readonly #running = deferred<void>();
  readonly #takenOver = deferred<void>();
  /** Aborted when the run goes on without this process. Callers that wait for the run get the reason of the abort as an error. */
  readonly #detached = new AbortController();

  constructor(options: RunOptions) {
    const { record, adopt } = options;
    this.#options = options;
    this.#record = record;
    this.#cause = new StopCause(adopt && record.run.stop);
    this.#parts = makeParts(options, this, this.#running.promise, this.#detached.signal);
    void this.#parts.start.launching.then(() => this.#takenOver.resolve());
    record.onChange(() => this.#keepTime());
    this.finished = this.#run();
  }

  /** Ends the run. `finished` resolves when its agent is proved to have ended. The first cause is kept, see `StopCause`. */
  stop(stop: RunStop, how: StopManner = 'gently'): void {
    // The next process may already have the run, and what waits for a person is left to that process.
    if (this.#state === 'detached') return;
    if (this.#cause.give(stop, how)) this.#record.dispatch({ type: 'stopping', stop });
    if (this.#state !== 'over') this.#state = 'ending';
    this.#parts.guard.requests.end(stop.error);
    this.#parts.steering.end();
    void this.#end(how);
  }

  endProcess(): void {
    if (this.#state === 'running') void this.#end('gently');
  }

  /**
   * Detaches this process from the run. Unlike after `stop`, the run goes on. Resolves when no launch is under way, and when this
   * process writes nothing more about the run.
   */
  detach(): Promise<void> {
    if (this.#state !== 'over') this.#state = 'detached';
    this.#record.close();
    this.#detached.abort(new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before that could be done.'));
    this.#parts.guard.requests.detach();
    this.#lookAway();
    return this.#launched.promise.then(async (handle) => {
      await this.#parts.pause.letGo(handle);
      await handle?.detach();
      await withTimeout(Promise.resolve(this.#removal), REMOVAL_MS);
    });
  }

  /** Removes what is left of the run when it has ended, see `RunHandle.release`. Undefined if nothing is. A second call joins the first. */
  remove(): Promise<void> | undefined {
    const handle = this.#handle;
    // Not in this microtask, so that the listeners hear of the end first.
    if (handle?.release) this.#removal ??= Promise.resolve().then(() => handle.release?.());
    return this.#removal;
  }

  /** Resolves when an adopted run is under way, or has to be launched again. Never resolves if the run has already ended. */
  get takenOver(): Promise<void> {
    return this.#takenOver.promise;
  }

  /** True if the previous process died while launching, no container was found, and the run was launched again. */
  get relaunched(): boolean {
    return this.#parts.start.relaunched;
  }

  get stopping(): boolean {
    return this.#cause.stop !== undefined;
  }

  /** The feedback with which the conversation goes on when the run has ended. Undefined if the conversation does not go on. */
  get continuing(): string | undefined {
    return this.#cause.stop?.feedback;
  }

  /** Freezes the run: limits count no time. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  pause(): Promise<void> {
    return this.#parts.pause.pause();
  }

  /** Lets a frozen run go on. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  resume(): Promise<void> {
    return this.#parts.pause.resume();
  }

  hold(): void {
    void this.#parts.pause.hold().catch(() => {});
  }

  release(): void {
    void this.#parts.pause.release().catch(() => {});
  }

  /** Called when the sessions that this one leads have cost more. */
  spent(): void {
    this.#parts.limits.spent();
  }

  /** What of this run waits for a person, to be answered. */
  get asks(): Pick<RunParts['guard'], 'approvals' | 'questions'> {
    return this.#parts.guard;
  }

  /** Resolves when the agent was given the message. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  async steer(message: string): Promise<void> {
    const heard = this.#parts.steering.push(message);
    heard.catch(() => {}); // Awaited below. The disk may refuse the message before the launch is done.
    const handle = await this.#launched.promise;
    if (handle && !handle.hooked) throw this.#refused('steered: its executor has no means for that');
    if (await heard) return;
    if (this.#detached.signal.aborted)
      throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the agent heard the message.');
    throw this.#refused('steered any more: the run ended before the agent heard the message. Use continue() with it');
  }

  async whileUnderWay(work: (handle: RunHandle) => Promise<void>): Promise<void> {
    await Promise.race([this.#running.promise, this.finished]);
    const handle = await this.#launched.promise;
    this.#detached.signal.throwIfAborted();
    if (!handle || this.#state === 'over' || this.stopping) throw this.#refused('paused or resumed: its run ends');
    await work(handle);
  }

  async #run(): Promise<Outcome | undefined> {
    const { signal } = this.#detached;
    const outcome = await this.#seeThrough();
    this.#launched.resolve(undefined);
    if (outcome && !signal.aborted) await this.#close(outcome);
    // After a detach, the next process may already have the run. Then that process says how the run went.
    return signal.aborted ? undefined : outcome;
  }

  /** Follows the run from its beginning to its end. Undefined if this process was detached before the end. */
  async #seeThrough(): Promise<Outcome | undefined> {
    const { signal } = this.#detached;
    try {
      const handle = await this.#parts.start.begin();
      this.#handle = handle;
      this.#launched.resolve(handle);
      if (signal.aborted) return undefined;
      if (!handle) return this.#outcome({});
      // An earlier process was told to end the run, and is gone. So this process ends the run.
      if (this.#options.adopt && this.stopping) void this.#end('gently');
      return await Promise.race([this.#follow(handle), once(signal, 'abort').then(() => undefined)]);
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#lookAway();
      // A run that cannot be watched must not go on, because its slot becomes free.
      await this.#handle?.stop('gently').catch(() => {});
      if (!signal.aborted) await this.remove();
      return this.#outcome(await failureOf(error, this.#options.request.folder.stateDir));
    }
  }

  async #follow(handle: RunHandle): Promise<Outcome | undefined> {
    const { adopt } = this.#options;
    const started = await handle.started;
    const held = adopt !== undefined && (await this.#parts.pause.wasHeld());
    if (this.#detached.signal.aborted) return undefined;
    if (started) this.#began(started, handle, held);
    const replay = this.relaunched ? undefined : adopt;
    await this.#parts.observer.start(handle, { offset: this.#record.run.logOffset ?? 0, replay });
    watchSetup(handle, this.#record, this.#parts.limits, replay !== undefined);
    if (!handle.over) void this.#parts.observer.caughtUp.then(() => this.#takenOver.resolve());
    const end = await handle.ended;
    if (this.#detached.signal.aborted) return undefined;
    this.#state = 'ending';
    if (!this.#record.run.exit) this.#record.dispatch({ type: 'exited', end });
    // If the disk refuses, the session fails for that reason, but its container is not left behind.
    await Promise.all([this.#record.saved().catch(() => {}), this.#parts.observer.drain()]);
    this.#judgeOpenCalls(end);
    const outcome = await this.#judged(end);
    if (this.#detached.signal.aborted) return undefined; // The next process has what is left of the run.
    if (this.#options.isLast(outcome)) return withFinalResult(this.#options, outcome);
    // A further run begins when nothing of this one is left. In the meantime, the session may be told to end.
    await this.remove();
    return withFinalResult(this.#options, await this.#judged(end));
  }

  #judged(end: RunEnd): Promise<Outcome> {
    const { request, acceptsOutput } = this.#options;
    return checkedOutcome(
      this.#outcome(end),
      this.#parts.observer.witnesses.result,
      request.spec.output,
      acceptsOutput,
    );
  }

  /** A run that seems to have gone well has no call left that nobody has judged. A person may leave a terminal at any moment. */
  #judgeOpenCalls(end: RunEnd): void {
    if (end.closed || this.#outcome(end).status !== 'completed') return;
    const breach = this.#parts.guard.unjudged();
    if (breach) this.#parts.observer.breached(breach);
  }

  /** Called when the run executes. From now on it can be frozen, its hooks are answered, and its time counts. */
  #began(started: Started, handle: RunHandle, held: boolean): void {
    const { session, run, clock } = this.#record;
    const worked = workedMs(run, clock.now());
    if (this.#state === 'launching') this.#state = 'running';
    if (session.status === 'starting') this.#record.dispatch({ type: 'running', at: clock.now(), ...started });
    this.#parts.pause.syncWith(handle, held);
    this.#parts.limits.start(worked);
    this.#keepTime();
    this.#running.resolve();
  }

  /** Ends the run as soon as it is launched. If the run is ended gently, the stop reason gets to the disk first. */
  async #end(how: StopManner): Promise<void> {
    const handle = await this.#launched.promise;
    // The run has to end even if the disk refuses.
    if (how === 'gently') await withTimeout(this.#record.saved(), SAVED_MS).catch(() => {});
    await handle?.stop(how).catch(() => {}); // #follow sees the end of the run, too.
  }

  /** Limits count no time while the agent is frozen or has nothing to do, or while a person has to decide. */
  #keepTime(): void {
    if (this.#parts.pause.frozen || this.#parts.guard.requests.holdsTime || this.#parts.lease.resting)
      this.#parts.limits.pause();
    else this.#parts.limits.resume();
  }

  async #close(outcome: Outcome): Promise<void> {
    this.#parts.guard.requests.end('The run is over.');
    this.#parts.observer.close();
    this.#lookAway();
    await this.#parts.notes.remove();
    if (this.#detached.signal.aborted) return;
    // Somebody may have asked for a further run just now, or a limit may count otherwise by now.
    if (!this.#options.isLast(outcome)) await this.remove();
    this.#record.close();
    this.#state = 'over';
    this.#running.resolve();
  }

  /** From now on, nothing of the run is read or written. */
  #lookAway(): void {
    this.#parts.observer.detach();
    this.#parts.limits.end();
    this.#parts.steering.end();
    this.#parts.decisions.close();
  }

  #outcome(end: RunEnd): Outcome {
    return outcomeOf({ end, stopped: this.#cause.stop, ...this.#parts.observer.witnesses });
  }

  #refused(what: string): OrchestrationError {
    return new OrchestrationError('ILLEGAL_TRANSITION', `Session ${this.#record.session.id} cannot be ${what}.`);
  }
}
