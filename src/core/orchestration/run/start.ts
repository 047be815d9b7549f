import { lstat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Executor } from '../contract/executor.js';
import { endedRun, type RunHandle } from '../contract/run-handle.js';
import type { RunHooks } from '../contract/run-hooks.js';
import type { RunRequest } from '../contract/run-request.js';
import { ENGINE_AWAY_MS, ENGINE_RETRY_MS } from '../docker/engine.js';
import type { SessionAction } from '../session/actions.js';
import type { ToolPolicy } from '../session/policy.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import { allDone } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import type { RunWatch } from './observer.js';
import { demandEnv } from './required-env.js';

/** The run that is to be brought under way. */
export interface RunStartOptions {
  executor: Executor;
  request: Omit<RunRequest, 'onPlaced' | 'hooks'>;
  now: () => number;
  /** The record as it is now. */
  session: () => UnifiedSession;
  /** Resolves when that is on disk. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  saved: () => Promise<void>;
  /** Set where another host has launched the run that the record ends with; what its hook does when no host is there. */
  adopt: Pick<ToolPolicy, 'onHostLost'> | undefined;
  /** Variables without whose values no run can be launched. */
  missingEnv?: readonly string[] | undefined;
}

/** What its supervisor has for it. */
export interface RunStartParts {
  watch: Pick<RunWatch, 'restore' | 'clear' | 'before'>;
  hooks: RunHooks;
  dispatch: (action: SessionAction) => void;
  /** Aborted, for a reason to be thrown, when this host has nothing to do with the run any more. */
  detached: AbortSignal;
  /** Whether the run was told to end. */
  stopping: () => boolean;
  /** Told when there is nothing to be taken over, before the run is launched. */
  onLaunch: () => void;
}

/** Brings one run under way: takes it over from the host that has launched it, or launches it. */
export class RunStart {
  readonly #options: RunStartOptions;
  readonly #parts: RunStartParts;
  #isAnew = false;

  constructor(options: RunStartOptions, parts: RunStartParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Whether the run was launched anew, because what another host was launching never came to be. */
  get isAnew(): boolean {
    return this.#isAnew;
  }

  /**
   * The run, under way; undefined where nothing is to be launched any more.
   *
   * @throws OrchestrationError where it can be neither taken over nor launched
   */
  async begin(): Promise<RunHandle | undefined> {
    const adopted = this.#options.adopt ? await this.#adopt() : undefined;
    return adopted ?? this.#launch();
  }

  /** Undefined where the run never came to be. */
  async #adopt(): Promise<RunHandle | undefined> {
    const { executor, session } = this.#options;
    const { logOffset, exit } = lastRun(session());
    if (logOffset === undefined) return undefined;
    await this.#parts.watch.restore();
    if (exit) return { ...endedRun(exit), hooked: executor.hooked };
    return whenEngineAnswers(() => executor.adopt(this.#request(logOffset)), this.#parts.detached);
  }

  async #launch(): Promise<RunHandle | undefined> {
    const { executor, now, adopt, missingEnv, request, session } = this.#options;
    const { watch, dispatch, detached, stopping, onLaunch } = this.#parts;
    this.#isAnew = adopt !== undefined;
    onLaunch();
    // What another host was launching is on record already.
    if (!adopt || lastRun(session()).launchedAt === undefined) dispatch({ type: 'launching', at: now() });
    const [{ size }] = await allDone([lstat(request.folder.log), watch.clear()]);
    demandEnv(request.session.id, missingEnv);
    if (detached.aborted || stopping()) return undefined;
    const handle = await executor.launch(this.#request(size));
    if (handle.process) dispatch({ type: 'spawned', process: handle.process });
    return handle;
  }

  /** @param logOffset where the run's part of the log begins */
  #request(logOffset: number): RunRequest {
    const { request, session, saved } = this.#options;
    const { watch, hooks, dispatch, detached } = this.#parts;
    return {
      ...request,
      session: session(),
      hooks,
      onPlaced: async (placement) => {
        // What is not on record would be launched again by the next host.
        detached.throwIfAborted();
        dispatch({ type: 'placed', logFile: request.folder.log, logOffset, ...placement });
        await Promise.all([saved(), watch.before(session().environment)]);
        detached.throwIfAborted();
      },
    };
  }
}

/** The run that a record ends with. */
export function lastRun({ runs }: UnifiedSession): SessionRun {
  return runs.at(-1) ?? { number: 1 };
}

/** Asks again while the engine is away: it may just be restarted, and nobody knows what became of the run. */
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
