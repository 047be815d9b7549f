import type { Observation } from '../session/observation.js';
import { readModelUsage, readUsage } from './claude-usage.js';
import type { Json } from './content-blocks.js';
import { isCount } from './event-fields.js';
import type { Prices } from './prices.js';
import { totalCost } from './result-cost.js';

/** What Claude's own account of a run reports. */
export function readResult(event: Json, prices: Prices): Observation[] {
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
      ...(isCount(event.num_turns) && { turns: event.num_turns }),
      ...(costUsd !== undefined && { costUsd }),
      ...(tokens && { tokens }),
    },
  ];
}
