import { Analysis } from './analysis.js';
import type { Danger, DangerContext } from './danger.js';
import { isFileTool, rateFileTool } from './file-tools.js';
import { Budget } from './shell/budget.js';
import { rateByShape } from './tool-shapes.js';

/** Claude's own tools whose words start and touch nothing: what comes of them is a call of its own. */
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
 * Rates one tool call of an agent. Shell commands are parsed and followed through everything that they start; what cannot be
 * followed is critical. Nothing is run or read, and nothing throws, whatever the input.
 *
 * @param budget what the rating may cost; calls that are rated in one go share one
 * @returns the worst that was found; `undefined` for a call that is not dangerous
 */
export function rateDanger(
  call: { readonly tool: string; readonly input: unknown },
  context: DangerContext,
  budget = new Budget(),
): Danger | undefined {
  const input = typeof call.input === 'object' && call.input !== null ? (call.input as Record<string, unknown>) : {};
  if (isFileTool(call.tool)) return rateFileTool(call.tool, input, context);
  if (call.tool !== 'Bash')
    return SAYS_ONLY.has(call.tool) ? undefined : rateByShape(call.tool, input, context, budget);
  return typeof input.command === 'string' ? new Analysis(context, budget).rate(input.command) : undefined;
}
