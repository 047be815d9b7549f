import { stat } from 'node:fs/promises';
import { deferred } from './deferred.js';
import { messageOf, OrchestrationError } from './errors.js';
import type { BaseExecutor, RunHandle, RunRequest } from './executors/base-executor.js';
import type { RunHooks } from './intervention/hook-channel.js';
import { RunGuard } from './intervention/run-guard.js';
import { RunLimits } from './intervention/run-limits.js';
import { SteeringQueue } from './intervention/steering.js';
import type { Observation } from './monitoring/observation.js';
import { StreamMonitor } from './monitoring/stream-monitor.js';
import { type Outcome, outcomeOf, type Stop } from './run-outcome.js';
import type { SessionAction } from './session-lifecycle.js';
import type { UnifiedSession } from './types.js';
import { WORKSPACE } from './workspace/git-mounts.js';

export interface SupervisorOptions {
  executor: BaseExecutor;
  request: Omit<RunRequest, 'onPlaced' | 'hooks'>;
  now: () => number;
  dispatch: (action: SessionAction) => UnifiedSession;
  /** The record as it is now. */
  session: () => UnifiedSession;
}

/**
 * Sees one run through: launch, watch, intervene, end. The run's end is reported once, after everything that its log
 * holds.
 */
export class RunSupervisor {
  /** How it went; undefined where it was let go of. Never rejects. */
  readonly finished: Promise<Outcome | undefined>;
  readonly #options: SupervisorOptions;
  readonly #guard: RunGuard;
  readonly #steering = new SteeringQueue();
  readonly #limits: RunLimits;
  /** Resolves when the executor has launched it; with undefined when there is nothing to be launched any more. */
  readonly #launched = deferred<RunHandle | undefined>();
  /** Resolves when the record tells that it runs. */
  readonly #running = deferred<undefined>();
  readonly #letGo = deferred<undefined>();
  #monitor: StreamMonitor | undefined;
  #stopped: Stop | undefined;
  #resetsAt: number | undefined;
  #paused = false;
  #detached = false;
  #over = false;
  /** Pause and resume happen one after the other. */
  #lastControl: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { spec, session } = options.request;
    const { docker, cwd, worktree } = session.environment;
    this.#guard = new RunGuard({
      policy: spec.policy,
      workspace: docker ? WORKSPACE : (worktree ?? cwd),
      now: options.now,
      dispatch: (action) => void this.#dispatch(action),
    });
    this.#limits = new RunLimits(spec.limits, (excess) => this.stop({ status: 'failed', ...excess }));
    this.finished = this.#run();
  }

  /** Ends the run. `finished` resolves when it is proved gone; the first cause given is the one that is kept. */
  stop(stop: Stop, how: 'gently' | 'at-once' = 'gently'): void {
    // What went past the guard while the run was being cancelled is not to be taken up again.
    if (how === 'at-once' && this.#stopped?.status === 'cancelled') this.#stopped = stop;
    this.#stopped ??= stop;
    this.#guard.approvals.end(stop.error);
    void this.#launched.promise.then((handle) => handle?.stop(how)).catch(() => {}); // #run hears of it, too.
  }

  /** Stops watching; the run goes on. */
  detach(): void {
    this.#detached = true;
    this.#guard.approvals.detach();
    this.#letGo.resolve(undefined);
    this.#monitor?.stop();
    this.#limits.end();
    this.#steering.end();
    void this.#launched.promise.then((handle) => handle?.detach());
  }

  /** Whether it was told to end. */
  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Freezes the run; no limit's time passes for it. @throws OrchestrationError `ILLEGAL_TRANSITION` */
  pause(): Promise<void> {
    return this.#control(async (handle) => {
      if (this.#paused) return;
      if (!handle.pause) throw this.#refused('paused: its executor has no means for that');
      await handle.pause();
      this.#paused = true;
      this.#guard.approvals.pause();
      this.#dispatch({ type: 'paused', at: this.#options.now() });
    });
  }

  /** Lets a frozen run go on. @throws OrchestrationError `ILLEGAL_TRANSITION` */
  resume(): Promise<void> {
    return this.#control(async (handle) => {
      if (!this.#paused) return;
      await handle.resume?.();
      this.#paused = false;
      const deadlines = this.#guard.approvals.resume();
      this.#dispatch({ type: 'resumed', at: this.#options.now(), deadlines });
    });
  }

  /** Answers a waiting approval. @throws OrchestrationError `REQUEST_NOT_FOUND` */
  answer(requestId: string, decision: 'allow' | 'deny', note: string | undefined): void {
    this.#guard.approvals.answer(requestId, decision, note);
  }

  /** Resolves when the agent was given the message. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  async steer(message: string): Promise<void> {
    const heard = this.#steering.push(message);
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
      const { executor, request } = this.#options;
      this.#dispatch({ type: 'launching', at: this.#options.now() });
      const offset = (await stat(request.folder.log)).size;
      if (this.#detached) return undefined;
      if (this.#stopped !== undefined) return this.#outcome({});
      handle = await executor.launch({
        ...request,
        hooks: this.#hooks(),
        onPlaced: (placement) => void this.#dispatch({ type: 'placed', logFile: request.folder.log, ...placement }),
      });
      this.#launched.resolve(handle);
      return await Promise.race([this.#follow(handle, offset), this.#letGo.promise]);
    } catch (error) {
      if (this.#detached) return undefined;
      this.#monitor?.stop();
      await handle?.stop('gently'); // What cannot be watched must not run on, beside a slot that is free.
      const reason = error instanceof OrchestrationError ? error.code : 'LAUNCH_FAILED';
      return this.#outcome({ reason, error: messageOf(error) });
    } finally {
      this.#launched.resolve(undefined);
      if (!this.#detached) this.#end();
    }
  }

  async #follow(handle: RunHandle, offset: number): Promise<Outcome | undefined> {
    const { request, now } = this.#options;
    const started = await handle.started;
    if (this.#detached) return undefined;
    if (started) {
      this.#dispatch({ type: 'running', at: now(), ...started });
      this.#limits.start();
      this.#running.resolve(undefined);
    }
    const monitor = await StreamMonitor.start({
      logFile: request.folder.log,
      offset,
      ...(handle.transcripts !== undefined && { transcripts: handle.transcripts }),
      onObservations: (observations) => this.#observe(observations, handle),
      onActivity: () => this.#limits.alive(),
    });
    this.#monitor = monitor;
    if (this.#detached) monitor.stop();
    const end = await handle.ended;
    await monitor.drain();
    return this.#outcome(end);
  }

  #observe(observations: readonly Observation[], handle: RunHandle): void {
    const enforced = handle.hooked === true && (this.#stopped === undefined || 'ended');
    const seen = this.#guard.inspect(observations, enforced);
    const session = this.#dispatch({ type: 'observed', at: this.#options.now(), observations: seen });
    if (session) this.#limits.observe(seen, session);
    for (const observation of seen) {
      if (observation.kind === 'usage-limit') this.#resetsAt = observation.resetsAt;
      if (observation.kind === 'breach') {
        this.stop({ status: 'failed', reason: 'guard_bypassed', error: observation.danger.reason }, 'at-once');
      }
    }
    if (observations.at(-1)?.kind === 'result') handle.resultSeen?.();
  }

  #hooks(): RunHooks {
    return {
      beforeTool: async (call) => {
        await this.#running.promise; // The engine may tell of the start later than the hook does.
        return this.#guard.beforeTool(call);
      },
      takeMessages: (conversationId) => {
        const own = this.#options.session().channelCoderSession;
        if (own !== undefined && own !== conversationId) return [];
        const messages = this.#steering.take();
        for (const message of messages) this.#dispatch({ type: 'steered', at: this.#options.now(), message });
        return messages;
      },
      onMessages: (listener) => {
        this.#steering.onChange = listener;
      },
    };
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

  /** No time passes for the agent while it is frozen, or while a person has to decide. */
  #keepTime(): void {
    if (this.#paused || this.#guard.approvals.waiting) this.#limits.pause();
    else this.#limits.resume();
  }

  #dispatch(action: SessionAction): UnifiedSession | undefined {
    if (this.#detached || this.#over) return undefined;
    const session = this.#options.dispatch(action);
    this.#keepTime();
    return session;
  }

  #end(): void {
    this.#guard.approvals.end('The run is over.');
    this.#over = true;
    this.#running.resolve(undefined);
    this.#limits.end();
    this.#steering.end();
  }

  #outcome(end: Awaited<RunHandle['ended']>): Outcome {
    return outcomeOf({
      end,
      result: this.#monitor?.result,
      stopped: this.#stopped,
      resetsAt: this.#resetsAt,
      diagnostics: this.#monitor?.lastDiagnostics ?? [],
    });
  }

  #refused(what: string): OrchestrationError {
    return new OrchestrationError(
      'ILLEGAL_TRANSITION',
      `Session ${this.#options.request.session.id} cannot be ${what}.`,
    );
  }
}
