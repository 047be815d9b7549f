import { Analysis } from './analysis.js';
import type { Danger, DangerContext, RatedCall } from './danger.js';
import { isFileTool, rateFileTool } from './file-tools.js';
import { Budget } from './shell/budget.js';
import { rateByShape } from './tool-shapes.js';

/** Claude Code's own tools that start and change nothing themselves. The actions to which they lead are separate calls. */
const SAYS_ONLY = new Set([
  'Agent',
  'Task',
  'TodoWrite',
  'AskUserQuestion',
  'ExitPlanMode',
  'ToolSearch',
  'WebSearch',
  'Skill',
]);

/**
 * Rates one tool call of an agent. Shell commands are parsed and followed through everything that they start: pipes into a
 * shell, `bash -c`, `xargs`, `find -exec`, variables, code for interpreters. Code that cannot be followed is critical. File tools
 * are rated by the paths that they read or write. All other tools are rated by the commands, code, SQL and paths in their input.
 *
 * Nothing is run, and nothing is read from disk. Nothing is thrown, whatever the input is. The work is bounded: a call that costs
 * more to understand than any honest command is critical (`shell.too-complex`).
 *
 * @param call the tool's name and its input
 * @param context where the agent works
 * @returns the worst danger that was found; `undefined` for a call that is not dangerous
 *
 * @example
 * ```ts
 * import { rateDanger } from 'autonomous-orchestration/danger';
 *
 * const danger = rateDanger({ tool: 'Bash', input: { command: 'cd .. && rm -rf "$PWD"' } }, { workspace: '/workspace' });
 * console.log(danger?.level, danger?.rule);
 * ```
 */
export function rateDanger(call: RatedCall, context: DangerContext): Danger | undefined {
  return rate(call, context, new Budget());
}

/**
 * Rates several tool calls that arrive together, for example all calls of one message. `rateDanger` bounds the work for each
 * call. Here all calls share the bound of one call, so that many calls at once cannot stall the process. Calls beyond that bound
 * are critical (`shell.too-complex`).
 *
 * @param calls the calls, in their order
 * @param context where the agent works
 * @returns for each call, in the same order, what `rateDanger` would return
 *
 * @example
 * ```ts
 * const calls = [
 *   { tool: 'Bash', input: { command: 'ls' } },
 *   { tool: 'Read', input: { file_path: '/workspace/.env' } },
 * ];
 * const [none, warning] = rateDangers(calls, { workspace: '/workspace' });
 * ```
 */
export function rateDangers(calls: readonly RatedCall[], context: DangerContext): (Danger | undefined)[] {
  const budget = new Budget();
  return calls.map((call) => rate(call, context, budget));
}

function rate(call: RatedCall, context: DangerContext, budget: Budget): Danger | undefined {
  const input = typeof call.input === 'object' && call.input !== null ? (call.input as Record<string, unknown>) : {};
  if (isFileTool(call.tool)) return rateFileTool(call.tool, input, context);
  if (call.tool !== 'Bash')
    return SAYS_ONLY.has(call.tool) ? undefined : rateByShape(call.tool, input, context, budget);
  return typeof input.command === 'string' ? new Analysis(context, budget).rate(input.command) : undefined;
}
