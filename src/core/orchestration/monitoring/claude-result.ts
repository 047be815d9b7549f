import type { Observation } from '../session/observation.js';
import { readModelUsage, readUsage } from './claude-usage.js';
import type { Json } from './content-blocks.js';
import { clipped, isCount } from './event-fields.js';

/** What Claude's own account of a run reports. */
export function readResult(event: Json): Observation[] {
  const { stop_reason, terminal_reason, api_error_status, structured_output } = event;
  const subtype = typeof event.subtype === 'string' ? event.subtype : 'unknown';
  const isError = event.is_error === true || subtype !== 'success';
  const errors = Array.isArray(event.errors) ? event.errors.filter((entry) => typeof entry === 'string') : [];
  const text = typeof event.result === 'string' ? event.result : errors.length > 0 ? errors.join('\n') : undefined;
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
      ...(structured_output !== undefined && structured_output !== null && { structured: true as const }),
      ...(isCount(event.num_turns) && { turns: event.num_turns }),
      ...(isCount(event.total_cost_usd) && { costUsd: event.total_cost_usd }),
      ...(tokens && { tokens }),
    },
  ];
}
