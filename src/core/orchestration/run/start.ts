import { lstat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Executor } from '../contract/executor.js';
import { endedRun, type RunHandle } from '../contract/run-handle.js';
import type { RunHooks } from '../contract/run-hooks.js';
import type { RunRequest } from '../contract/run-request.js';
import { ENGINE_AWAY_MS, ENGINE_RETRY_MS } from '../docker/engine.js';
import type { Observation } from '../session/observation.js';
import type { ToolPolicy } from '../session/policy.js';
import type { RunRecord } from '../session/run-record.js';
import { allDone, deferred } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import type { RunControl } from './control.js';
import { wordsFor } from './fresh-words.js';
import type { RunNotes } from './notes.js';
import type { RunObserver } from './observer.js';
import { requireEnv } from './required-env.js';

/** The run to launch or to take over. */
export interface RunStartOptions {
  executor: Executor;
  request: Omit<RunRequest, 'onPlaced' | 'hooks'>;
  /**
   * Set if an earlier process has launched the last run of the record. Says what the hook of that run does while no process
   * answers.
   */
  adopt: Pick<ToolPolicy, 'onHostLost'> | undefined;
  /** Variables whose values are missing. Without these values, no run can be launched. */
  missingEnv: readonly string[] | undefined;
}

/** The parts of the run that its start needs. */
export interface RunStartDeps {
  record: RunRecord;
  control: Pick<RunControl, 'stopping'>;
  observer: Pick<RunObserver, 'before'>;
  notes: Pick<RunNotes, 'restore' | 'clear'>;
  hooks: RunHooks;
  /** Aborted when this process is detached from the run. The reason of the abort is the error to throw. */
  detached: AbortSignal;
}

/** Starts one run: takes it over from the process that has launched it, or launches it. */
export class RunStart {
  readonly #options: RunStartOptions;
  readonly #deps: RunStartDeps;
  readonly #launching = deferred<void>();
  #relaunched = false;

  constructor(options: RunStartOptions, deps: RunStartDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Resolves before the run is launched, when it is clear that there is nothing to take over. */
  get launching(): Promise<void> {
    return this.#launching.promise;
  }

  /** True if the previous process died while launching, no container was found, and the run was launched again. */
  get relaunched(): boolean {
    return this.#relaunched;
  }

  /**
   * Returns the run. Undefined if it must not be launched any more, because it was told to end or this process was detached.
   *
   * @throws OrchestrationError if the run can be neither taken over nor launched
   */
  async begin(): Promise<RunHandle | undefined> {
    const adopted = this.#options.adopt ? await this.#adopt() : undefined;
    return adopted ?? this.#launch();
  }

  /** Undefined if the run never began. */
  async #adopt(): Promise<RunHandle | undefined> {
    const { executor } = this.#options;
    const { record, notes, detached } = this.#deps;
    const { logOffset, exit } = record.run;
    if (logOffset === undefined) return undefined;
    await notes.restore();
    if (exit) return { ...endedRun(exit), hooked: executor.hooked };
    return whenEngineAnswers(() => executor.adopt(this.#request(logOffset)), detached);
  }

  async #launch(): Promise<RunHandle | undefined> {
    const { executor, adopt, missingEnv, request } = this.#options;
    const { record, control, notes, detached } = this.#deps;
    this.#relaunched = adopt !== undefined;
    this.#launching.resolve();
    // If an earlier process was launching the run, this is already on record.
    if (!adopt || record.run.launchedAt === undefined) record.dispatch({ type: 'launching', at: record.clock.now() });
    const [{ size }] = await allDone([lstat(request.folder.log), notes.clear()]);
    requireEnv(request.session.id, missingEnv);
    if (detached.aborted || control.stopping) return undefined;
    const feedback = await wordsFor(request, record.session);
    const handle = await executor.launch({ ...this.#request(size), feedback });
    if (handle.process) record.dispatch({ type: 'spawned', process: handle.process });
    return handle;
  }

  /** @param logOffset where the run's part of the log begins */
  #request(logOffset: number): RunRequest {
    const { request } = this.#options;
    const { record, observer, hooks, detached } = this.#deps;
    return {
      ...request,
      session: record.session,
      hooks,
      onPlaced: async ({ warnings = [], ...placement }) => {
        // A detached process cannot write to the record. If the run is not on record, the next process launches it again.
        detached.throwIfAborted();
        record.dispatch({ type: 'placed', logFile: request.folder.log, logOffset, ...placement });
        const observations = warnings.map(incomplete);
        if (observations.length > 0) record.dispatch({ type: 'observed', at: record.clock.now(), observations });
        await Promise.all([record.saved(), observer.before(record.session.environment)]);
        detached.throwIfAborted();
      },
    };
  }
}

function incomplete(message: string): Observation {
  return { kind: 'error', severity: 'warning', code: 'worktree_incomplete', message };
}

/**
 * Asks again while the engine does not answer. The engine may be restarting, and only the engine knows what became of the run.
 */
async function whenEngineAnswers<T>(ask: () => Promise<T>, detached: AbortSignal): Promise<T> {
  const since = performance.now();
  while (true) {
    try {
      return await ask();
    } catch (error) {
      const away = error instanceof OrchestrationError && error.code === 'DOCKER_UNAVAILABLE';
      if (!away || performance.now() - since > ENGINE_AWAY_MS) throw error;
      await delay(ENGINE_RETRY_MS, undefined, { signal: detached });
    }
  }
}
