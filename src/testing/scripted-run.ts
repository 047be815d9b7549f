import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { SIMULATED_MODEL } from '../core/orchestration/monitoring/model-id.js';
import versions from '../core/orchestration/session/claude-versions.json' with { type: 'json' };
import type { SimulatedRun, SimulatedStep } from './simulated-executor.js';

/** One turn of a scripted agent. */
export type ScriptedTurn =
  /** The agent says something. The last such text is the session's result. */
  | { readonly text: string; readonly afterMs?: number }
  /** The agent calls a tool, whose result comes after `takesMs` milliseconds. */
  | {
      readonly tool: string;
      readonly input?: object;
      readonly output?: string;
      /** True if the tool fails. Default `false`. */
      readonly isError?: boolean;
      readonly afterMs?: number;
      readonly takesMs?: number;
    }
  /** A log line that is written as it is. */
  | { readonly line: string; readonly afterMs?: number };

/** How a scripted run begins and ends, and what its agent does when it gets a message. */
export interface ScriptedRunOptions {
  /** The id of the conversation that the run continues. Default: a new conversation. */
  conversationId?: string | undefined;
  /** The `subtype` of Claude's result. Default `success`. Anything else is an error. */
  subtype?: string;
  /** US dollars. Default 0.01 a turn. */
  costUsd?: number;
  /** The typed result that the agent gives. Default: none. */
  output?: unknown;
  /** The exit code of Claude. Default 0. */
  exitCode?: number;
  /** What the agent does when it gets a message by `steer()`. Default: it says that it understood the message. */
  onMessage?: (message: string) => readonly ScriptedTurn[];
}

/** A run that writes the given turns in Claude Code's stream-json. */
export function scriptedRun(turns: readonly ScriptedTurn[], options: ScriptedRunOptions = {}): SimulatedRun {
  const { onMessage = (message): ScriptedTurn[] => [{ text: `Understood: ${message}` }] } = options;
  const script = new Script(options.conversationId ?? randomUUID());
  return {
    steps: script.steps(turns, options),
    exitCode: options.exitCode ?? 0,
    onMessage: (message) => onMessage(message).flatMap((turn) => [...script.turn(turn)]),
  };
}

/** A run that plays a recorded log line by line, with a pause of `afterMs` milliseconds (default 0) before each line. */
export function recordedRun(file: string, { afterMs = 0 }: { afterMs?: number } = {}): SimulatedRun {
  async function* steps(): AsyncGenerator<SimulatedStep> {
    for await (const line of createInterface({ input: createReadStream(file) })) yield { line, afterMs };
  }
  return { steps: steps() };
}

/** Writes the lines of one conversation. */
class Script {
  readonly #conversation: string;
  #turns = 0;
  #result = '';

  constructor(conversation: string) {
    this.#conversation = conversation;
  }

  *steps(turns: readonly ScriptedTurn[], options: ScriptedRunOptions): Generator<SimulatedStep> {
    const session_id = this.#conversation;
    const init = { type: 'system', subtype: 'init', session_id, model: SIMULATED_MODEL, tools: [], cwd: '/workspace' };
    yield { line: { ...init, claude_code_version: versions.newest } };
    for (const turn of turns) yield* this.turn(turn);

    const subtype = options.subtype ?? 'success';
    const num_turns = this.#turns;
    const total_cost_usd = options.costUsd ?? num_turns * 0.01;
    const is_error = subtype !== 'success';
    const typed = options.output === undefined ? {} : { structured_output: options.output };
    const said = { result: this.#result, ...typed };
    yield { line: { type: 'result', subtype, is_error, ...said, num_turns, total_cost_usd, session_id } };
  }

  *turn(turn: ScriptedTurn): Generator<SimulatedStep> {
    const pause = turn.afterMs === undefined ? {} : { afterMs: turn.afterMs };
    if ('line' in turn) {
      yield { line: turn.line, ...pause };
      return;
    }
    const suffix = `${this.#turns++}_${this.#conversation.slice(0, 8)}`;
    const base = { parent_tool_use_id: null, session_id: this.#conversation };
    const id = `toolu_${suffix}`;
    const block =
      'tool' in turn
        ? { type: 'tool_use', id, name: turn.tool, input: turn.input ?? {} }
        : { type: 'text', text: turn.text };
    const usage = { input_tokens: 100, output_tokens: 20 };
    const message = { id: `msg_${suffix}`, role: 'assistant', model: SIMULATED_MODEL, content: [block], usage };
    yield { line: { type: 'assistant', message, ...base }, ...pause };
    if (!('tool' in turn)) {
      this.#result = turn.text;
      return;
    }
    const { output = '', isError = false, takesMs } = turn;
    const answer = { type: 'tool_result', tool_use_id: id, content: output, is_error: isError };
    const line = { type: 'user', message: { role: 'user', content: [answer] }, ...base };
    yield { line, ...(takesMs !== undefined && { afterMs: takesMs }) };
  }
}
