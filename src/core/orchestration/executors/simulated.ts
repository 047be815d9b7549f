import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '../deferred.js';
import {
  BaseExecutor,
  type Preparation,
  type RunEnd,
  type RunHandle,
  type RunRequest,
  type SessionSpec,
} from './base-executor.js';

/** One line of a simulated log. */
export interface SimulatedStep {
  /** An object becomes a line of JSON; a string is written as it is. */
  readonly line: object | string;
  /** Pause before it, in milliseconds. Default 0. */
  readonly afterMs?: number;
}

/** What a simulated run does. */
export interface SimulatedRun {
  readonly steps: Iterable<SimulatedStep> | AsyncIterable<SimulatedStep>;
  /** Default 0. */
  readonly exitCode?: number;
}

/** Decides what a run does; called at each launch, continuations included. */
export type SimulatedScript = (request: RunRequest) => SimulatedRun;

/**
 * Plays stream-json without Docker or Claude, through the same log, monitor, queue and lifecycle as a real session.
 * It lives inside the host process, so `close()` ends it.
 *
 * @example
 * ```ts
 * const executor = new SimulatedExecutor(() => scriptedRun([{ tool: 'Bash', input: { command: 'ls' } }, { text: 'Done.' }]));
 * const manager = new UnifiedSessionManager({ executors: { autonomous: executor } });
 * ```
 */
export class SimulatedExecutor extends BaseExecutor {
  readonly #script: SimulatedScript;

  constructor(script: SimulatedScript) {
    super();
    this.#script = script;
  }

  async prepare(spec: SessionSpec): Promise<Preparation> {
    return { environment: { docker: false, dockerImage: '', cwd: spec.cwd } };
  }

  async launch(request: RunRequest): Promise<RunHandle> {
    const run = this.#script(request);
    request.onPlaced({});
    const stopping = new AbortController();
    const end = deferred<RunEnd>();
    let letGo = false;
    play(run, request, stopping.signal).then(
      (exitCode) => letGo || end.resolve({ exitCode }),
      (error: unknown) => letGo || end.resolve({ reason: 'error', error: String(error) }),
    );
    return {
      started: Promise.resolve({}),
      ended: end.promise,
      async stop() {
        stopping.abort();
        await end.promise;
      },
      detach() {
        letGo = true;
        stopping.abort();
      },
    };
  }
}

/** Appends the lines to the log; answers the exit code, that of a terminated process where it was stopped. */
async function play({ steps, exitCode }: SimulatedRun, { folder }: RunRequest, signal: AbortSignal): Promise<number> {
  const log = await folder.openLog();
  try {
    for await (const { line, afterMs } of steps) {
      if (afterMs) await delay(afterMs, undefined, { signal }).catch(() => {}); // An abort is seen right below.
      if (signal.aborted) return 143;
      await log.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    }
    return exitCode ?? 0;
  } finally {
    await log.close();
  }
}
