import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunHandle } from '../core/orchestration/contract/run-handle.js';
import type { RunRequest } from '../core/orchestration/contract/run-request.js';
import type { Preparation, SessionSpec } from '../core/orchestration/contract/session-spec.js';
import { BaseExecutor } from '../core/orchestration/executors/base-executor.js';
import { type AgentPlace, WORKSPACE } from '../core/orchestration/session/agent-place.js';
import type { RunEnd } from '../core/orchestration/session/run.js';
import { deferred } from '../core/orchestration/util/deferred.js';

/** One line of a simulated log. */
export interface SimulatedStep {
  /** An object is written as JSON. A string is written as it is. */
  readonly line: object | string;
  /** The pause before the line, in milliseconds. Default 0. */
  readonly afterMs?: number;
}

/** What a simulated run does. */
export interface SimulatedRun {
  readonly steps: Iterable<SimulatedStep> | AsyncIterable<SimulatedStep>;
  /** Default 0. */
  readonly exitCode?: number;
  /** What the run does when it gets a message by `steer()`. These steps come before the rest. Default: no steps. */
  readonly onMessage?: (message: string) => Iterable<SimulatedStep>;
}

/** Decides what a run does. It is called at each launch, also when a session is continued. */
export type SimulatedScript = (request: RunRequest) => SimulatedRun;

/**
 * Plays stream-json without Docker or Claude, through the same log, monitor, queue, guard and lifecycle as a real session.
 * For each `tool_use` block the guard is asked before the result is written. If the guard denies the call, its result is the
 * denial. Pauses and messages work, too. The guard rates the calls as those of an agent in a container, with `/workspace` as
 * the workspace, although the record says that no container ran. No worktree is made; only its branch is in the record. The
 * run lives in your process, so `close()` ends it.
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
    const branch = spec.worktree && { branch: spec.worktree.branch };
    return { environment: { docker: false, dockerImage: '', cwd: spec.cwd, ...branch } };
  }

  override placeOf(): AgentPlace {
    return { workspace: WORKSPACE, container: true };
  }

  async launch(request: RunRequest): Promise<RunHandle> {
    const run = this.#script(request);
    await request.onPlaced({});
    const player = new Player(run, request);
    const end = deferred<RunEnd>();
    let letGo = false;
    player.play().then(
      (exitCode) => letGo || end.resolve({ exitCode }),
      (error: unknown) => letGo || end.resolve({ reason: 'error', error: String(error) }),
    );
    return {
      started: Promise.resolve({}),
      ended: end.promise,
      hooked: true,
      async stop() {
        player.stop();
        await end.promise;
      },
      pausing: { paused: false, pause: async () => player.pause(), resume: async () => player.resume() },
      async detach() {
        letGo = true;
        player.stop();
      },
    };
  }
}

type Block = Record<string, unknown>;

/** Writes the lines of one run to the log, and asks the guard about tool calls, as Claude Code does with its hooks. */
class Player {
  readonly #run: SimulatedRun;
  readonly #request: RunRequest;
  readonly #stopping = new AbortController();
  readonly #stopped = once(this.#stopping.signal, 'abort').then(() => undefined);
  /** The reasons of denied calls, by the id of the call. */
  readonly #denied = new Map<string, string>();
  /** Resolves when the run may go on. */
  #pause = deferred<undefined>();
  #conversation = '';

  constructor(run: SimulatedRun, request: RunRequest) {
    this.#run = run;
    this.#request = request;
    this.#pause.resolve(undefined);
  }

  /** Returns the exit code. If the player was stopped, returns the exit code of a terminated process. */
  async play(): Promise<number> {
    const log = await this.#request.folder.openLog();
    const write = async ({ line, afterMs }: SimulatedStep): Promise<void> => {
      // If the signal aborts the delay, the check below ends this step.
      if (afterMs) await delay(afterMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      await this.#pause.promise;
      if (this.#stopping.signal.aborted) return;
      const given = eventOf(line);
      const event = given && this.#withDenials(given);
      // A string that needs no change is written as it is.
      await log.write(`${typeof line === 'string' && event === given ? line : JSON.stringify(event)}\n`);
      if (!event) return;
      if (event.type === 'system' && event.subtype === 'init') this.#conversation = String(event.session_id);
      for (const block of blocksOf(event)) {
        if (block.type === 'tool_use') await this.#ask(block);
        else if (block.type === 'tool_result') for (const step of await this.#heard()) await write(step);
      }
    };
    try {
      for await (const step of until(this.#run.steps, this.#stopped)) {
        // Claude gets messages at its end, too, and then goes on.
        if (isResult(step)) for (const heard of await this.#heard()) await write(heard);
        const denied = blocksOf(step.line).some(({ tool_use_id: id }) => this.#denied.has(String(id)));
        await write(denied ? { line: step.line } : step);
      }
      return this.#stopping.signal.aborted ? 143 : (this.#run.exitCode ?? 0);
    } finally {
      await log.close();
    }
  }

  stop(): void {
    this.#stopping.abort();
    this.#pause.resolve(undefined);
  }

  pause(): void {
    this.#pause = deferred();
  }

  resume(): void {
    this.#pause.resolve(undefined);
  }

  async #ask({ id, name, input }: Block): Promise<void> {
    const toolUseId = String(id);
    const asked = this.#request.hooks.beforeTool({ toolUseId, tool: String(name), input });
    const verdict = await Promise.race([asked, this.#stopped]);
    if (verdict && !verdict.allowed) this.#denied.set(toolUseId, verdict.reason);
  }

  async #heard(): Promise<SimulatedStep[]> {
    const messages = await this.#request.hooks.takeMessages(this.#conversation, 'simulated');
    messages?.given();
    return (messages?.texts ?? []).flatMap((message) => [...(this.#run.onMessage?.(message) ?? [])]);
  }

  /** Writes the denial into the result of each denied call. */
  #withDenials(event: Block): Block {
    if (!blocksOf(event).some(({ tool_use_id: id }) => this.#denied.has(String(id)))) return event;
    const content = blocksOf(event).map((block) => {
      const reason = this.#denied.get(String(block.tool_use_id));
      return reason === undefined ? block : { ...block, content: reason, is_error: true };
    });
    return { ...event, message: { ...(event.message as Block), content } };
  }
}

/** The steps until `stopped` resolves, even if the next step never comes. */
async function* until(steps: SimulatedRun['steps'], stopped: Promise<undefined>): AsyncGenerator<SimulatedStep> {
  const iterator = Symbol.asyncIterator in steps ? steps[Symbol.asyncIterator]() : steps[Symbol.iterator]();
  try {
    while (true) {
      const next = await Promise.race([stopped, iterator.next()]);
      if (!next || next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited, because an iterator whose next step never comes cannot end either.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function isResult({ line }: SimulatedStep): boolean {
  return eventOf(line)?.type === 'result';
}

/** The event in a line. Undefined if a string contains no event. */
function eventOf(line: object | string): Block | undefined {
  if (typeof line === 'object') return line as Block;
  try {
    const event: unknown = JSON.parse(line);
    return typeof event === 'object' && event !== null ? (event as Block) : undefined;
  } catch {
    return undefined;
  }
}

function blocksOf(line: object | string): Block[] {
  const message = eventOf(line)?.message;
  const content = (message as Block | undefined)?.content;
  return Array.isArray(content) ? (content as Block[]) : [];
}
