import { forgetOldest } from '../util/forget-oldest.js';
import type { FailedRequest } from './failure-cause.js';
import type { Observation } from './observation.js';

/** Claude runs a dozen calls at once. If a log has more unfinished work than this, it was made to keep this process busy. */
export const MOST_OPEN = 1_000;
/** How many pieces of unfinished work a text names. */
const NAMED = 5;
/** By these inputs an agent names the task that it ends. */
const ENDING_INPUTS = ['task_id', 'shell_id', 'bash_id', 'agent_id'] as const;

type Task = Extract<Observation, { kind: 'task' }>;

interface OpenTask {
  readonly what: string;
  readonly toolUseId: string | undefined;
  /** False if its tool call waits for it. */
  readonly background: boolean | undefined;
}

/** A tool call without a result. */
export interface OpenCall {
  readonly name: string;
  readonly parentToolUseId?: string | undefined;
}

/** What a run has left open, in words. */
export interface OpenWork {
  /** Names of the tools whose calls have no result. Without those of subagents. */
  readonly calls: readonly string[];
  /** Work in the background that has not ended. */
  readonly tasks: readonly string[];
  /** Work in the background that failed or was stopped after the agent's last words. So the agent never answered it. */
  readonly unheard: readonly string[];
}

/**
 * What the log of a run says about how far the run is: what is open, whether the latest `result` is the last word, and which
 * request failed last. Its size is bounded, because an agent controls every byte of the log.
 */
export class RunProgress {
  readonly #calls = new Map<string, OpenCall>();
  readonly #tasks = new Map<string, OpenTask>();
  readonly #unheard = new Map<string, string>();
  readonly #endedByAgent = new Map<string, true>();
  #hasResult = false;
  #worked = false;
  #expectsTurn = false;
  #silent = false;
  #compacting = false;
  #failedRequest: FailedRequest | undefined;

  /** Called with what a log line reports, in the order of the log. */
  observe(observations: readonly Observation[]): void {
    for (const observation of observations) this.#add(observation);
  }

  get hasResult(): boolean {
    return this.#hasResult;
  }

  /** True if the agent has worked since its latest `result`. */
  get worksOn(): boolean {
    return this.#hasResult && this.#worked;
  }

  /**
   * True if the latest `result` is the run's last word: nothing is open, and the agent has neither worked since then nor is
   * about to. Claude writes an interim result while work goes on in the background, and a further one when the agent has answered
   * the end of that work.
   */
  get isFinal(): boolean {
    if (!this.#hasResult || this.#worked || this.#expectsTurn) return false;
    const { calls, tasks } = this.open;
    return calls.length === 0 && tasks.length === 0;
  }

  /** True if the agent said nothing since the result of its last tool call. */
  get isSilent(): boolean {
    return this.#silent;
  }

  get isCompacting(): boolean {
    return this.#compacting;
  }

  /** The last request to the model, if it failed and the agent said nothing since then. */
  get failedRequest(): FailedRequest | undefined {
    return this.#failedRequest;
  }

  /** Tool calls without a result, those of subagents included, by their ids. */
  get openCalls(): ReadonlyMap<string, OpenCall> {
    return this.#calls;
  }

  get open(): OpenWork {
    const calls = [...this.#calls.values()].filter(({ parentToolUseId }) => parentToolUseId === undefined);
    const tasks = [...this.#tasks.values()].filter(
      ({ background, toolUseId = '' }) => background ?? !this.#calls.has(toolUseId),
    );
    return {
      calls: calls.slice(0, NAMED).map(({ name }) => name),
      tasks: tasks.slice(0, NAMED).map(({ what }) => what),
      unheard: [...this.#unheard.values()].slice(0, NAMED),
    };
  }

  #add(observation: Observation): void {
    switch (observation.kind) {
      case 'init':
        this.#hasResult = false; // Claude has begun again, so an earlier result is not the end of this run.
        break;
      case 'turn-begin':
        this.#expectsTurn = this.#hasResult;
        break;
      case 'message':
        this.#worked = true;
        if (observation.parentToolUseId === undefined) this.#said(observation.text, observation.first);
        break;
      case 'tool': {
        const { id, name, input, parentToolUseId } = observation;
        this.#worked = true;
        // Not the input: it may have megabytes, and a thousand calls may be open.
        add(this.#calls, id, { name, parentToolUseId });
        this.#rememberEnding(input);
        break;
      }
      case 'tool-result':
        this.#answered(observation.toolUseId);
        break;
      case 'error':
        if (observation.request) this.#failedRequest = { text: observation.message, ...observation.request };
        break;
      case 'task':
        if (observation.state === 'running') this.#began(observation);
        else this.#ended(observation);
        break;
      case 'tasks':
        this.#replaceTasks(observation.running);
        break;
      case 'compacting':
        this.#compacting = observation.state === 'begun';
        break;
      case 'result':
        this.#hasResult = true;
        this.#worked = false;
        this.#expectsTurn = false;
        this.#compacting = false;
        break;
    }
  }

  #said(text: string, first: boolean): void {
    this.#failedRequest = undefined;
    this.#compacting = false;
    // The model gets the results of all its calls before it says more. So calls without one were withdrawn, or never ran.
    if (first) for (const [id, { parentToolUseId }] of this.#calls) if (!parentToolUseId) this.#calls.delete(id);
    if (text.trim() === '') return;
    this.#silent = false;
    this.#unheard.clear();
  }

  #answered(toolUseId: string): void {
    const call = this.#calls.get(toolUseId);
    if (!call) return;
    this.#worked = true;
    if (call.parentToolUseId === undefined) this.#silent = true;
    this.#calls.delete(toolUseId);
    for (const task of this.#tasks.values()) if (task.toolUseId === toolUseId) return;
    this.#dropCallsOf(toolUseId);
  }

  /** A subagent that has ended makes no calls any more. */
  #dropCallsOf(toolUseId: string): void {
    for (const [id, { parentToolUseId }] of this.#calls) if (parentToolUseId === toolUseId) this.#calls.delete(id);
  }

  /** An agent may end its own work, for example a server that it no longer needs. */
  #rememberEnding(input: unknown): void {
    if (typeof input !== 'object' || input === null) return;
    for (const key of ENDING_INPUTS) {
      const id = (input as Record<string, unknown>)[key];
      if (typeof id === 'string' && this.#tasks.has(id)) add(this.#endedByAgent, id, true);
    }
  }

  #began({ id, what, toolUseId, background }: Task): void {
    const before = this.#tasks.get(id);
    this.#worked = true;
    add(this.#tasks, id, {
      what: what || before?.what || id,
      toolUseId: toolUseId ?? before?.toolUseId,
      background: background ?? before?.background,
    });
  }

  #ended({ id, state }: Task): void {
    const task = this.#tasks.get(id);
    if (!task) return;
    this.#tasks.delete(id);
    if (task.toolUseId !== undefined) this.#dropCallsOf(task.toolUseId);
    if (task.background === false) return;
    // Claude tells its agent, which takes a further turn. But Claude itself stops what is left while it exits.
    if (state !== 'stopped') this.#expectsTurn = this.#hasResult;
    if (state !== 'completed' && !this.#endedByAgent.has(id)) add(this.#unheard, id, `${task.what} (${state})`);
  }

  #replaceTasks(running: readonly { readonly id: string; readonly what: string }[]): void {
    const ids = new Set(running.map(({ id }) => id));
    for (const [id, { background }] of this.#tasks) if (background !== false && !ids.has(id)) this.#tasks.delete(id);
    for (const { id, what } of running) {
      if (!this.#tasks.has(id)) add(this.#tasks, id, { what: what || id, toolUseId: undefined, background: true });
    }
  }
}

function add<Value>(map: Map<string, Value>, id: string, value: Value): void {
  map.delete(id);
  map.set(id, value);
  forgetOldest(map, MOST_OPEN);
}
