import type { Observation, ResultObservation } from '../session/observation.js';
import { jsonProblem, MOST_JSON_DEPTH } from '../util/json-size.js';
import { readModelUsage, readUsage } from './claude-usage.js';
import type { Json } from './content-blocks.js';
import { clipped, isCount } from './event-fields.js';
import type { Prices } from './prices.js';
import { totalCost } from './result-cost.js';

/** The record has the typed result, and every process that follows the session gets a copy. */
const MOST_OUTPUT = 256 * 1024;

/** What Claude's own account of a run reports. */
export function readResult(event: Json, prices: Prices): Observation[] {
  const { stop_reason, terminal_reason, api_error_status } = event;
  const subtype = typeof event.subtype === 'string' ? event.subtype : 'unknown';
  const isError = event.is_error === true || subtype !== 'success';
  const errors = Array.isArray(event.errors) ? event.errors.filter((entry) => typeof entry === 'string') : [];
  const text = typeof event.result === 'string' ? event.result : errors.length > 0 ? errors.join('\n') : undefined;
  const costUsd = totalCost(event, prices);
  const tokens = readModelUsage(event.modelUsage) ?? readUsage(event.usage);
  return [
    {
      kind: 'result',
      subtype,
      isError,
      ...(text !== undefined && { text }),
      ...(typeof stop_reason === 'string' && { stopReason: clipped(stop_reason) }),
      ...(typeof terminal_reason === 'string' && { terminalReason: clipped(terminal_reason) }),
      ...(isCount(api_error_status) && { apiStatus: api_error_status }),
      ...(isCount(event.num_turns) && { turns: event.num_turns }),
      ...(costUsd !== undefined && { costUsd }),
      ...(tokens && { tokens }),
      ...typedResult(event.structured_output),
    },
  ];
}

/** The result that Claude gave in the form that it was asked for. */
function typedResult(output: unknown): Pick<ResultObservation, 'output' | 'outputProblem'> {
  if (output === undefined || output === null) return {};
  const problem = jsonProblem(output, MOST_OUTPUT);
  if (!problem) return { output };
  const why =
    problem === 'large'
      ? `is longer than ${MOST_OUTPUT} characters`
      : `is nested more than ${MOST_JSON_DEPTH} levels deep`;
  return { outputProblem: `the result ${why} as JSON; give a shorter one, and write the rest into files` };
}
