import { stripControl, truncate } from '../util/text.js';
import { classifyError } from './error-classifier.js';
import type { ResultObservation } from './observation.js';
import type { SessionResult } from './record.js';
import type { RunEnd, RunStop } from './run.js';
import type { TerminalStatus } from './status.js';

/** As long as a result's text may be: an agent writes both. */
const ERROR_LENGTH = 50_000;

const MOUNTS_MOVED =
  'While the container started, something else was put in the place of a folder that it mounts, so that it was ended before ' +
  'the agent began. An agent that can write there may have done that, or somebody has changed a file of .git in that moment';

/** The two witnesses of a run's end, and what the user wanted. */
export interface RunWitnesses {
  end: RunEnd;
  result: ResultObservation | undefined;
  /** Why it was stopped on purpose, if it was. */
  stopped: RunStop | undefined;
  /** When the provider allows more, in epoch milliseconds, if it said so. */
  resetsAt: number | undefined;
  /** The last log lines that were not stream-json. */
  diagnostics: readonly string[];
}

export interface Outcome {
  status: TerminalStatus;
  result: SessionResult;
  /** The provider allows no more for now: the conversation can go on later. */
  usageLimit?: { resetsAt?: number };
  /** Not to be continued in the same breath: it may still be there, or was ended for cause. */
  final?: true;
}

/**
 * How a run went. The exit closes a run and Claude's `result` says how it was; success takes both: exit code 0 and a
 * result without error. Pure.
 */
export function outcomeOf({ end, result, stopped, resetsAt, diagnostics }: RunWitnesses): Outcome {
  const { exitCode } = end;
  const shared = {
    ...(result?.text !== undefined && { text: result.text }),
    ...(exitCode !== undefined && { exitCode }),
  };
  const failed = (reason: string, error: string): Outcome => ({
    status: 'failed',
    result: { ...shared, reason, error: stripControl(truncate(error, ERROR_LENGTH)) },
  });
  const said = diagnostics.length > 0 ? ` Last output: ${diagnostics.join(' | ')}` : '';

  // Nobody knows whether it is gone, so nobody may say that it was cancelled.
  if (end.reason === 'DOCKER_UNAVAILABLE')
    return { ...failed(end.reason, end.error ?? 'The engine does not answer.'), final: true };
  if (stopped?.status === 'failed') return { ...failed(stopped.reason, stopped.error), final: true };
  if (stopped) return { status: 'cancelled', result: { ...shared, reason: stopped.reason, error: stopped.error } };
  if (end.oomKilled) return failed('oom', 'The container reached its memory limit (docker.memory) and was killed.');
  if (end.reason !== undefined) return failed(end.reason, `${(end.error ?? end.reason).replace(/\.$/, '')}.${said}`);
  if (result?.isError) {
    const reason = resultReason(result);
    const outcome = failed(reason, result.text ?? `Claude ended with '${result.subtype}'.`);
    return reason === 'rate_limited' ? { ...outcome, usageLimit: resetsAt === undefined ? {} : { resetsAt } } : outcome;
  }
  const exitedWell = exitCode === 0 || (end.unknown && exitCode === undefined);
  if (end.closed) return { status: 'completed', result: { ...shared, reason: exitCode === 0 ? 'success' : 'closed' } };
  if (result && exitedWell) return { status: 'completed', result: { ...shared, reason: 'success' } };
  if (exitedWell) return failed('incomplete', `It ended without a result.${said}`);
  if (!result && exitCode === MOUNTS_DIFFER && diagnostics.includes(MOUNTS_REFUSED)) {
    return failed('UNSAFE_MOUNT', `${MOUNTS_MOVED}.${said}`);
  }
  if (!result && (exitCode === 126 || exitCode === 127)) {
    const why = exitCode === 126 ? 'cannot be executed' : 'was not found';
    return failed('LAUNCH_FAILED', `A command of the container's start ${why} (exit code ${exitCode}).${said}`);
  }
  if (exitCode === 137) return failed('killed', 'It was killed (exit code 137).');
  if (exitCode === 143) return failed('terminated', 'It was told to terminate (exit code 143).');
  const { code } = classifyError(diagnostics.join('\n'), 'diagnostic');
  return failed(code === 'auth' ? 'auth' : 'error', `It ended with exit code ${exitCode}.${said}`);
}

function resultReason(result: ResultObservation): string {
  if (result.subtype === 'error_max_turns') return 'max_turns';
  if (result.subtype === 'error_max_budget_usd') return 'max_cost';
  const { code } = classifyError(result.text ?? '', 'api');
  if (code === 'auth') return 'auth';
  if (code === 'rate_limit') return 'rate_limited';
  return 'error';
}

/** With this exit code a container ends that was given other files than those that were checked. */
export const MOUNTS_DIFFER = 97;

/** It also writes this line into the log: other programs may end with the same code. */
export const MOUNTS_REFUSED = 'autonomous-orchestration: what is mounted here is not what was checked';
