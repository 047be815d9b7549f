import { stat } from 'node:fs/promises';
import { type Deferred, deferred } from './deferred.js';
import { messageOf, OrchestrationError } from './errors.js';
import type { BaseExecutor, RunHandle, RunRequest } from './executors/base-executor.js';
import { StreamMonitor } from './monitoring/stream-monitor.js';
import { type Outcome, outcomeOf } from './run-outcome.js';
import type { SessionAction } from './session-lifecycle.js';

export interface SupervisorOptions {
  executor: BaseExecutor;
  request: Omit<RunRequest, 'onPlaced'>;
  now: () => number;
  dispatch: (action: SessionAction) => void;
}

/**
 * Sees one run through: launch, watch, end. The run's end is reported once, after everything that its log holds.
 */
export class RunSupervisor {
  /** How it went; undefined where it was let go of. Never rejects. */
  readonly finished: Promise<Outcome | undefined>;
  readonly #options: SupervisorOptions;
  #handle: Promise<RunHandle> | undefined;
  #monitor: StreamMonitor | undefined;
  #stopReason: string | undefined;
  #detached = false;
  readonly #letGo: Deferred<undefined> = deferred();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.finished = this.#run();
  }

  /** Ends the run. `finished` resolves when it is proved gone; the first reason given is the one that is kept. */
  stop(reason: string): void {
    this.#stopReason ??= reason;
    this.#handle?.then((handle) => handle.stop()).catch(() => {}); // A launch that failed is reported by #run.
  }

  /** Stops watching; the run goes on. */
  detach(): void {
    this.#detached = true;
    this.#letGo.resolve(undefined);
    this.#monitor?.stop();
    this.#handle?.then((handle) => handle.detach()).catch(() => {}); // There is nothing to let go of.
  }

  async #run(): Promise<Outcome | undefined> {
    let handle: RunHandle | undefined;
    try {
      const { executor, request } = this.#options;
      this.#dispatch({ type: 'launching', at: this.#options.now() });
      const offset = (await stat(request.folder.log)).size;
      if (this.#detached) return undefined;
      if (this.#stopReason !== undefined) return this.#outcome({});
      this.#handle = executor.launch({
        ...request,
        onPlaced: (placement) => this.#dispatch({ type: 'placed', logFile: request.folder.log, ...placement }),
      });
      handle = await this.#handle;
      return await Promise.race([this.#follow(handle, offset), this.#letGo.promise]);
    } catch (error) {
      if (this.#detached) return undefined;
      this.#monitor?.stop();
      await handle?.stop(); // What cannot be watched must not run on, beside a slot that is free.
      const reason = error instanceof OrchestrationError ? error.code : 'LAUNCH_FAILED';
      return this.#outcome({ reason, error: messageOf(error) });
    }
  }

  async #follow(handle: RunHandle, offset: number): Promise<Outcome | undefined> {
    const { request, now } = this.#options;
    const started = await handle.started;
    if (this.#detached) return undefined;
    if (started) this.#dispatch({ type: 'running', at: now(), ...started });
    const monitor = await StreamMonitor.start({
      logFile: request.folder.log,
      offset,
      onObservations: (observations) => {
        this.#dispatch({ type: 'observed', at: now(), observations });
        if (observations.at(-1)?.kind === 'result') handle.resultSeen?.();
      },
    });
    this.#monitor = monitor;
    if (this.#detached) monitor.stop();
    const end = await handle.ended;
    await monitor.drain();
    return this.#outcome(end);
  }

  #dispatch(action: SessionAction): void {
    if (!this.#detached) this.#options.dispatch(action);
  }

  #outcome(end: Awaited<RunHandle['ended']>): Outcome {
    return outcomeOf({
      end,
      result: this.#monitor?.result,
      cancelled: this.#stopReason,
      diagnostics: this.#monitor?.lastDiagnostics ?? [],
    });
  }
}
