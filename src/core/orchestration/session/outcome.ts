import { stripControl, truncate } from '../util/text.js';
import { LOG_IN_AGAIN } from './log-in-again.js';
import { type Ending, OUTCOMES } from './outcome-table.js';
import type { Outcome, RunWitnesses } from './run-witnesses.js';

export type { Outcome, RunWitnesses };

/** The same limit as for a result's text, because an agent writes both. */
const ERROR_LENGTH = 50_000;

/** How a run went: the first row of the table that fits. Pure. */
export function outcomeOf(witnesses: RunWitnesses): Outcome {
  const row = OUTCOMES.find(({ when }) => when(witnesses));
  if (!row) throw new Error('unreachable: the last row fits every run');
  return outcome(witnesses, row.gives(witnesses));
}

function outcome({ end, result }: RunWitnesses, { status, reason, error, ...more }: Ending): Outcome {
  return {
    status,
    result: {
      ...(result?.text !== undefined && { text: result.text }),
      ...(end.exitCode !== undefined && { exitCode: end.exitCode }),
      reason,
      ...(error !== undefined && { error: withNextStep(reason, stripControl(truncate(error, ERROR_LENGTH))) }),
    },
    ...more,
  };
}

/** What Claude Code says about a refused login is for a person at its terminal. */
function withNextStep(reason: string, error: string): string {
  return reason === 'auth' && !error.includes(LOG_IN_AGAIN) ? `${error} ${LOG_IN_AGAIN}`.trim() : error;
}
