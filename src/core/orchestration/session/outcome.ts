import { stripControl, truncate } from '../util/text.js';
import { classifyError } from './error-classifier.js';
import type { ResultObservation } from './observation.js';
import { failureOf, type ProviderFailure, type ProviderWitness } from './provider-failure.js';
import type { SessionEnvironment, SessionResult } from './record.js';
import type { RunEnd, RunStop } from './run.js';
import type { TerminalStatus } from './status.js';

/** The same limit as for a result's text, because an agent writes both. */
const ERROR_LENGTH = 50_000;

const MOUNTS_MOVED =
  'While the container started, something else was put in the place of a folder that it mounts. So the container was ended ' +
  'before the agent began. An agent that can write there may have done that, or somebody changed a file of .git at that moment';

/** The two witnesses of a run's end (its exit and Claude's result), and whether the user stopped it. */
export interface RunWitnesses {
  end: RunEnd;
  result: ResultObservation | undefined;
  /** True if Claude wrote anything. */
  hasEvents: boolean;
  /** Where Claude ran. Undefined if it ran in a terminal. */
  unattended: Pick<SessionEnvironment, 'docker' | 'dockerImage'> | undefined;
  /** Why the run was stopped on purpose, if it was. */
  stopped: RunStop | undefined;
  /** What the provider said of the last request. */
  provider: ProviderWitness;
  /** The last log lines that were not stream-json. */
  diagnostics: readonly string[];
}

export interface Outcome {
  status: TerminalStatus;
  result: SessionResult;
  /** Why the provider did not answer, if that ended the run. */
  failure?: ProviderFailure;
  /** When the provider allows requests again, in epoch milliseconds. Only of a `usage_limit`, if the provider said so. */
  resetsAt?: number;
  /**
   * Set if the session must not be continued immediately: its container may still exist, or the run was ended as failed on
   * purpose.
   */
  final?: true;
}

/**
 * How a run went. The exit closes a run, and Claude's `result` says how the run went. Success needs both: exit code 0 and a
 * result without error. Pure.
 */
export function outcomeOf(witnesses: RunWitnesses): Outcome {
  const { end, result, stopped, provider, diagnostics, hasEvents, unattended } = witnesses;
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

  // Nobody knows whether the container is gone, so we must not report the run as cancelled.
  if (end.reason === 'DOCKER_UNAVAILABLE')
    return { ...failed(end.reason, end.error ?? 'The engine does not answer.'), final: true };
  if (stopped?.status === 'failed') return { ...failed(stopped.reason, stopped.error), final: true };
  if (stopped) return { status: 'cancelled', result: { ...shared, reason: stopped.reason, error: stopped.error } };
  if (end.oomKilled) return failed('oom', 'The container reached its memory limit (docker.memory) and was killed.');
  if (end.reason !== undefined) return failed(end.reason, `${(end.error ?? end.reason).replace(/\.$/, '')}.${said}`);
  if (result?.isError) {
    const text = result.text ?? `Claude ended with '${result.subtype}'.`;
    const limited = limitReason(result);
    const failure = limited === undefined ? failureOf(provider, result.text ?? '') : undefined;
    const outcome = failed(limited ?? (failure ? FAILURE_REASONS[failure] : 'error'), text);
    if (!failure) return outcome;
    const { resetsAt } = provider.limit ?? {};
    return { ...outcome, failure, ...(failure === 'usage_limit' && resetsAt !== undefined && { resetsAt }) };
  }
  const exitedWell = exitCode === 0 || (end.unknown && exitCode === undefined);
  if (end.closed) return { status: 'completed', result: { ...shared, reason: exitCode === 0 ? 'success' : 'closed' } };
  if (result && exitedWell) return { status: 'completed', result: { ...shared, reason: 'success' } };
  if (exitCode === 0 && !hasEvents && unattended) return failed('incomplete', `${silent(unattended)}${said}`);
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

/** The likely causes of a run that ends with exit code 0 and has an empty log (measured with Claude Code 2.1.98). */
function silent({ docker, dockerImage }: Pick<SessionEnvironment, 'docker' | 'dockerImage'>): string {
  const found = 'It ended with exit code 0, but Claude Code wrote nothing, so it probably did not run.';
  if (!docker) {
    const cause = "Likely cause: the 'claude' on the PATH is a wrapper that does not pass its arguments on.";
    return `${found} ${cause} Try: claude -p 'Say hello' (it has to print an answer).`;
  }
  const causes = [
    `the entrypoint of the image '${dockerImage}' does not execute its arguments (exec "$@")`,
    "'claude' in the image is a wrapper that does not pass its arguments on",
    'docker.user is a uid that has no home folder in the image',
  ];
  const test = `docker run --rm -e DISABLE_FIREWALL=true ${dockerImage} claude -p 'Say hello'`;
  return `${found} Likely causes: ${causes.join('; ')}. Try: ${test} (it has to print an answer; if docker.user is set, add --user).`;
}

/** The reasons of a session that ends because the provider did not answer. */
const FAILURE_REASONS: Readonly<Record<ProviderFailure, string>> = {
  auth: 'auth',
  spend_limit: 'spend_limit',
  usage_limit: 'rate_limited',
  transient: 'provider_error',
};

/** The limit that Claude Code itself keeps, if it ended the run. */
function limitReason({ subtype }: ResultObservation): string | undefined {
  if (subtype === 'error_max_turns') return 'max_turns';
  return subtype === 'error_max_budget_usd' ? 'max_cost' : undefined;
}

/** The exit code of a container that found other files mounted than those that were checked. */
export const MOUNTS_DIFFER = 97;

/** The container also writes this line into the log, because other programs may end with the same exit code. */
export const MOUNTS_REFUSED = 'autonomous-orchestration: what is mounted here is not what was checked';
