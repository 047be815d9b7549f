import type { Outcome } from '../session/outcome.js';
import { messageOf } from '../util/errors.js';
import type { RunOptions } from './parts.js';

/**
 * Adds the fields of the mode to the result of a run, see `Executor.finalResult`. If a further run goes on with feedback, there is no
 * result yet. If `finalResult` fails, the record says so.
 */
export async function withFinalResult(
  { executor, record, request }: Pick<RunOptions, 'executor' | 'record' | 'request'>,
  outcome: Outcome,
): Promise<Outcome> {
  const { spec, folder } = request;
  const { session, run, clock } = record;
  if (run.stop?.feedback !== undefined) return outcome;
  try {
    const { status, result } = outcome;
    const more = await executor.finalResult({ spec, folder, session, status, result });
    return { ...outcome, result: { ...result, ...more } };
  } catch (error) {
    const message = `The mode cannot say what the run achieved: ${messageOf(error)}`;
    const observation = { kind: 'error', severity: 'warning', code: 'no_conclusion', message } as const;
    record.dispatch({ type: 'observed', at: clock.now(), observations: [observation] });
    return outcome;
  }
}
