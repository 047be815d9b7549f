import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { SimulatedRun, SimulatedStep } from '../core/orchestration/executors/simulated.js';

/** One turn of a scripted agent. */
export type ScriptedTurn =
  /** It says something; the last such text is the session's result. */
  | { readonly text: string; readonly afterMs?: number }
  /** It calls a tool, which answers after `takesMs`. */
  | {
      readonly tool: string;
      readonly input?: object;
      readonly output?: string;
      /** Whether the tool fails. Default `false`. */
      readonly isError?: boolean;
      readonly afterMs?: number;
      readonly takesMs?: number;
    }
  /** A log line that is written as it is. */
  | { readonly line: string; readonly afterMs?: number };

export interface ScriptedRunOptions {
  /** The conversation that is taken up again; by default a new one. */
  conversationId?: string | undefined;
  /** Claude's result. Default `success`; anything else is an error. */
  subtype?: string;
  /** US dollars. Default 0.01 a turn. */
  costUsd?: number;
  /** Default 0. */
  exitCode?: number;
}

/** Stream-json as Claude Code writes it, from turns. */
export function scriptedRun(turns: readonly ScriptedTurn[], options: ScriptedRunOptions = {}): SimulatedRun {
  return { steps: scriptedSteps(turns, options), exitCode: options.exitCode ?? 0 };
}

/** A recorded log, line by line with a pause before each. */
export function recordedRun(file: string, { afterMs = 0 }: { afterMs?: number } = {}): SimulatedRun {
  async function* steps(): AsyncGenerator<SimulatedStep> {
    for await (const line of createInterface({ input: createReadStream(file) })) yield { line, afterMs };
  }
  return { steps: steps() };
}

function* scriptedSteps(turns: readonly ScriptedTurn[], options: ScriptedRunOptions): Generator<SimulatedStep> {
  const session_id = options.conversationId ?? randomUUID();
  const model = 'simulated';
  yield {
    line: {
      type: 'system',
      subtype: 'init',
      session_id,
      model,
      tools: [],
      cwd: '/workspace',
      claude_code_version: '0.0.0',
    },
  };

  let result = '';
  for (const [index, turn] of turns.entries()) {
    const pause = turn.afterMs === undefined ? {} : { afterMs: turn.afterMs };
    if ('line' in turn) {
      yield { line: turn.line, ...pause };
      continue;
    }
    const id = 'tool' in turn ? `toolu_${index}_${session_id.slice(0, 8)}` : '';
    const block =
      'tool' in turn
        ? { type: 'tool_use', id, name: turn.tool, input: turn.input ?? {} }
        : { type: 'text', text: turn.text };
    const usage = { input_tokens: 100, output_tokens: 20 };
    const message = { id: `msg_${index}_${session_id.slice(0, 8)}`, role: 'assistant', model, content: [block], usage };
    yield { line: { type: 'assistant', message, parent_tool_use_id: null, session_id }, ...pause };
    if ('tool' in turn) {
      const answer = {
        type: 'tool_result',
        tool_use_id: id,
        content: turn.output ?? '',
        is_error: turn.isError ?? false,
      };
      const line = { type: 'user', message: { role: 'user', content: [answer] }, parent_tool_use_id: null, session_id };
      yield { line, ...(turn.takesMs !== undefined && { afterMs: turn.takesMs }) };
    } else {
      result = turn.text;
    }
  }

  const subtype = options.subtype ?? 'success';
  const total_cost_usd = options.costUsd ?? turns.length * 0.01;
  yield {
    line: {
      type: 'result',
      subtype,
      is_error: subtype !== 'success',
      result,
      num_turns: turns.length,
      total_cost_usd,
      session_id,
    },
  };
}
