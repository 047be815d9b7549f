import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred, within } from './deferred.js';
import { messageOf, OrchestrationError, type OrchestrationErrorCode, systemCode } from './errors.js';
import { type BaseExecutor, endedRun, type RunHandle, type RunRequest } from './executors/base-executor.js';
import { type CommandRunner, runHooks } from './intervention/run-hooks.js';
import type { Spending } from './intervention/run-limits.js';
import type { ToolPolicy } from './intervention/tool-policy.js';
import { type Outcome, outcomeOf } from './run-outcome.js';
import { RunRest, type Slot } from './run-rest.js';
import { RunWatch } from './run-watch.js';
import type { SessionAction } from './session-actions.js';
import { demandEnv } from './session-intake.js';
import type { RunStop, SessionRun, UnifiedSession } from './types.js';

/** How long the end of a run waits for the record that tells that it was wanted. */
const SAVED_MS = 2_000;
/** How long an engine may be away before its runs count as failed. */
const ENGINE_AWAY_MS = 30_000;
const RETRY_MS = 500;

export interface SupervisorOptions {
  executor: BaseExecutor;
  request: Omit<RunRequest, 'onPlaced' | 'hooks'>;
  now: () => number;
  slot: Slot;
  /** What the session has cost together with those that it leads. */
  spending: () => Spending;
  /** What the agent's command for its children does; absent where it leads none. */
  commands?: (rest: RunRest) => CommandRunner;
  dispatch: (action: SessionAction) => UnifiedSession;
  /** The record as it is now. */
  session: () => UnifiedSession;
  /** Resolves when that is on disk. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  saved: () => Promise<void>;
  /** Set where another host has launched the run that the record ends with; what its hook does when no host is there. */
  adopt: Pick<ToolPolicy, 'onHostLost'> | undefined;
  /** Variables without whose values no run can be launched. */
  missingEnv?: readonly string[] | undefined;
}

/**
 * Sees one run through: launch it or take it over, watch, intervene, end. The run's end is reported once, after
 * everything that its log holds.
 */
export class RunSupervisor {
  /** How it went; undefined where it was let go of. Never rejects. */
  readonly finished: Promise<Outcome | undefined>;
  readonly #options: SupervisorOptions;
  readonly #watch: RunWatch;
  readonly #rest: RunRest;
  /** Resolves when the executor has launched it; with undefined when there is nothing to be launched any more. */
  readonly #launched = deferred<RunHandle | undefined>();
  /** Resolves when the record tells that it runs. */
  readonly #running = deferred<undefined>();
  readonly #letGo = deferred<undefined>();
  readonly #takenOver = deferred<void>();
  #isAnew = false;
  #stopped: RunStop | undefined;
  #paused = false;
  #detached = false;
  #over = false;
  /** Pause and resume happen one after the other. */
  #lastControl: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#rest = new RunRest({
      slot: options.slot,
      now: options.now,
      dispatch: (action) => this.#dispatch(action),
      waitingFor: options.adopt && options.session().waitingFor,
    });
    this.#watch = new RunWatch({
      request: options.request,
      now: options.now,
      spending: options.spending,
      onToolEnd: (toolUseId) => this.#rest.after(toolUseId),
      dispatch: (action) => this.#dispatch(action),
      stop: (stop, how) => this.stop(stop, how),
      stopping: () => this.stopping,
    });
    if (options.adopt) this.#stopped = this.#record.stop;
    this.finished = this.#run();
  }

  /** Ends the run. `finished` resolves when it is proved gone; the first cause given is the one that is kept. */
  stop(stop: RunStop, how: 'gently' | 'at-once' = 'gently'): void {
    const before = this.#stopped;
    // What went past the guard while the run was being cancelled is not to be taken up again; neither is what is
    // cancelled while it was being stopped to be continued.
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

  /** Stops watching; the run goes on. */
  detach(): void {
    this.#detached = true;
    this.#watch.guard.approvals.detach();
    this.#letGo.resolve(undefined);
    this.#watch.stop();
    void this.#launched.promise.then((handle) => handle?.detach());
  }

  /** Resolves when it is launched, or never will be. */
  get launched(): Promise<unknown> {
    return this.#launched.promise;
  }

  /** Resolves when a run that was adopted is under way; never, where it turns out to have ended. */
  get takenOver(): Promise<void> {
    return this.#takenOver.promise;
  }

  /** Whether it was launched anew, because what another host was launching never came to be. */
  get isAnew(): boolean {
    return this.#isAnew;
  }

  /** Whether it was told to end. */
  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** What the conversation goes on with when it has ended; undefined where it does not. */
  get continuing(): string | undefined {
    return this.#stopped?.feedback;
  }

  /** Freezes the run; no limit's time passes for it. @throws OrchestrationError `ILLEGAL_TRANSITION` */
  pause(): Promise<void> {
    return this.#control(async (handle) => {
      if (this.#paused) return;
      if (!handle.pause) throw this.#refused('paused: its executor has no means for that');
      await handle.pause();
      this.#paused = true;
      this.#watch.guard.approvals.pause();
      this.#dispatch({ type: 'paused', at: this.#options.now() });
    });
  }

  /** Those that it leads have cost more. */
  spent(): void {
    this.#watch.limits.spent();
  }

  /** Lets a frozen run go on. @throws OrchestrationError `ILLEGAL_TRANSITION` */
  resume(): Promise<void> {
    return this.#control(async (handle) => {
      if (!this.#paused) return;
      await handle.resume?.();
      this.#paused = false;
      const deadlines = this.#watch.guard.approvals.resume();
      this.#dispatch({ type: 'resumed', at: this.#options.now(), deadlines });
    });
  }

  /** Answers a waiting approval. @throws OrchestrationError `REQUEST_NOT_FOUND` */
  answer(requestId: string, decision: 'allow' | 'deny', note: string | undefined): void {
    this.#watch.guard.approvals.answer(requestId, decision, note);
  }

  /** Resolves when the agent was given the message. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  async steer(message: string): Promise<void> {
    const heard = this.#watch.steering.push(message);
    const handle = await this.#launched.promise;
    if (handle && !handle.hooked) throw this.#refused('steered: its executor has no means for that');
    if (await heard) return;
    if (this.#detached)
      throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the agent heard the message.');
    throw this.#refused('steered any more: the run ended before the agent heard the message. Use continue() with it');
  }

  async #run(): Promise<Outcome | undefined> {
    let handle: RunHandle | undefined;
    try {
      handle = (this.#options.adopt ? await this.#adopt() : undefined) ?? (await this.#launch());
      this.#launched.resolve(handle);
      if (this.#detached) return undefined;
      if (!handle) return this.#outcome({});
      if (this.#options.adopt && this.#stopped) void this.#end('gently');
      return await Promise.race([this.#follow(handle), this.#letGo.promise]);
    } catch (error) {
      if (this.#detached) return undefined;
      this.#watch.stop();
      await handle?.stop('gently'); // What cannot be watched must not run on, beside a slot that is free.
      await handle?.release?.();
      const reason = error instanceof OrchestrationError ? error.code : diskReason(error);
      return this.#outcome({ reason, error: messageOf(error) });
    } finally {
      this.#launched.resolve(undefined);
      if (!this.#detached) await this.#close();
    }
  }

  /** The run of another host; undefined where it never came to be. */
  async #adopt(): Promise<RunHandle | undefined> {
    const { executor } = this.#options;
    const { logOffset, exit } = this.#record;
    if (logOffset === undefined) return undefined;
    await this.#watch.restore();
    if (exit) return { ...endedRun(exit), hooked: executor.hooked };
    const since = performance.now();
    while (true) {
      try {
        return await executor.adopt(this.#request(logOffset));
      } catch (error) {
        // Nobody knows what became of it; an engine may just be restarted.
        const away = error instanceof OrchestrationError && error.code === 'DOCKER_UNAVAILABLE';
        if (!away || this.#detached || performance.now() - since > ENGINE_AWAY_MS) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** Undefined where there is nothing to be launched any more. */
  async #launch(): Promise<RunHandle | undefined> {
    const { executor, now, adopt, missingEnv } = this.#options;
    this.#isAnew = adopt !== undefined;
    this.#takenOver.resolve();
    // What another host was launching is on record already.
    if (!adopt || this.#record.launchedAt === undefined) this.#dispatch({ type: 'launching', at: now() });
    await this.#watch.clear();
    demandEnv(this.#options.request.session.id, missingEnv);
    if (this.#detached || this.#stopped !== undefined) return undefined;
    const { size } = await stat(this.#options.request.folder.log);
    const handle = await executor.launch(this.#request(size));
    if (handle.process) this.#dispatch({ type: 'spawned', process: handle.process });
    return handle;
  }

  /** @param logOffset where its part of the log begins */
  #request(logOffset: number): RunRequest {
    const { request, now, session, saved, commands } = this.#options;
    const hooks = runHooks({
      guard: this.#watch.guard,
      steering: this.#watch.steering,
      rest: this.#rest,
      ...(commands && { commands: commands(this.#rest) }),
      ready: Promise.all([this.#running.promise, this.#watch.caughtUp]),
      conversationId: () => session().channelCoderSession,
      now,
      dispatch: (action) => void this.#dispatch(action),
    });
    return {
      ...request,
      session: session(),
      hooks,
      onPlaced: async (placement) => {
        this.#demandAttached();
        this.#dispatch({ type: 'placed', logFile: request.folder.log, logOffset, ...placement });
        await Promise.all([saved(), this.#watch.before(session().environment)]);
        this.#demandAttached();
      },
    };
  }

  async #follow(handle: RunHandle): Promise<Outcome | undefined> {
    const { adopt, session, saved } = this.#options;
    const started = await handle.started;
    if (this.#detached) return undefined;
    if (started) this.#began(started, handle);
    const replay = this.#isAnew ? undefined : adopt;
    await this.#watch.start(handle, { offset: this.#record.logOffset ?? 0, replay });
    if (!handle.over) void this.#watch.caughtUp.then(() => this.#takenOver.resolve());
    const end = await handle.ended;
    if (this.#detached) return undefined;
    if (!session().runs.at(-1)?.exit) this.#dispatch({ type: 'exited', end });
    // Where the disk refuses, the session fails for that; its container is not left behind.
    const release = saved()
      .catch(() => {})
      .then(() => handle.release?.());
    await Promise.all([release, this.#watch.drain()]);
    return this.#concluded(this.#outcome(end));
  }

  /** What the mode has to say of it, too; where it cannot, the record tells that. */
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

  /** It executes. */
  #began(started: { containerId?: string }, handle: RunHandle): void {
    const { now, session } = this.#options;
    const { startedAt, pausedAt, pausedMs = 0 } = this.#record;
    if (session().status === 'starting') this.#dispatch({ type: 'running', at: now(), ...started });
    if (handle.paused) {
      this.#paused = true;
      this.#watch.guard.approvals.pause();
      if (session().status !== 'paused') this.#dispatch({ type: 'paused', at: now() });
    } else if (session().status === 'paused') {
      this.#dispatch({ type: 'resumed', at: now(), deadlines: new Map() });
    }
    const frozenMs = pausedMs + (pausedAt === undefined ? 0 : now() - pausedAt);
    this.#watch.limits.start(startedAt === undefined ? 0 : Math.max(0, now() - startedAt - frozenMs));
    this.#keepTime();
    this.#running.resolve(undefined);
  }

  /** What is not on record would be launched again by the next host. */
  #demandAttached(): void {
    if (this.#detached) throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the launch.');
  }

  /** The run that this is about, as it is on record. */
  get #record(): SessionRun {
    const run = this.#options.session().runs.at(-1);
    return run ?? { number: 1 };
  }

  /** Ends it as soon as there is something to be ended; the record that it was wanted is on disk by then. */
  async #end(how: 'gently' | 'at-once'): Promise<void> {
    const handle = await this.#launched.promise;
    // It has to end all the same, whatever the disk does.
    if (how === 'gently') await within(this.#options.saved(), SAVED_MS).catch(() => {});
    await handle?.stop(how).catch(() => {}); // #run hears of it, too.
  }

  /** One after the other, and only while the run is under way. */
  #control(work: (handle: RunHandle) => Promise<void>): Promise<void> {
    const done = this.#lastControl.then(async () => {
      await Promise.race([this.#running.promise, this.finished]);
      const handle = await this.#launched.promise;
      if (this.#detached)
        throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before that could be done.');
      if (!handle || this.#over || this.#stopped) throw this.#refused('paused or resumed: its run ends');
      await work(handle);
    });
    this.#lastControl = done.catch(() => {}); // Its own caller hears of a failure.
    return done;
  }

  /** No time passes for the agent while it is frozen, has nothing to do, or while a person has to decide. */
  #keepTime(): void {
    const { guard, limits } = this.#watch;
    if (this.#paused || guard.approvals.waiting || this.#rest.resting) limits.pause();
    else limits.resume();
  }

  #dispatch(action: SessionAction): UnifiedSession | undefined {
    if (this.#detached || this.#over) return undefined;
    const session = this.#options.dispatch(action);
    this.#keepTime();
    return session;
  }

  /** Nothing of it is left but its outcome. */
  async #close(): Promise<void> {
    await this.#watch.close();
    this.#over = true;
    this.#running.resolve(undefined);
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
