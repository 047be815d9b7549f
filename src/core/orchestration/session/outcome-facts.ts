import { causeOfFailure, type FailureCause } from './failure-cause.js';
import type { ResultObservation } from './observation.js';
import type { RunWitnesses } from './run-witnesses.js';

/** Ends that come from outside. If they come after a run's last word, they say nothing about the run. */
export const OUTSIDE_REASONS: readonly (string | undefined)[] = ['killed', 'terminated', 'lost', 'log_lost'];
/** The exit codes of SIGHUP, SIGINT, SIGKILL and SIGTERM. */
const OUTSIDE_CODES: readonly (number | undefined)[] = [129, 130, 137, 143];

/** Why a model's message ended, if its turn was not over with it. */
const CUT_OFF: Readonly<Record<string, string>> = {
  tool_use: 'the model had asked for a tool',
  max_tokens: "the model's answer was cut off at its maximum length",
  pause_turn: 'the provider had paused the turn',
};

/** Why Claude Code's loop ended, if its turn was not over with it (2.1.332). */
const CUT_SHORT: Readonly<Record<string, string>> = {
  aborted_streaming: "the model's answer was interrupted",
  aborted_tools: 'a tool call was interrupted',
  stop_hook_prevented: 'a hook did not let the agent go on',
  hook_stopped: 'a hook stopped the agent',
  tool_deferred: 'a tool call was put off',
  background_requested: 'the conversation was moved to the background',
  malformed_tool_use_exhausted: 'the model asked for a tool in a form that cannot be read',
};

/** Results that are errors, by Claude's own words for them. */
const BY_SUBTYPE: Readonly<Record<string, string>> = {
  error_max_turns: 'max_turns',
  error_max_budget_usd: 'max_cost',
  error_max_structured_output_retries: 'invalid_output',
};
const BY_TERMINAL_REASON: Readonly<Record<string, string>> = {
  max_turns: 'max_turns',
  budget_exhausted: 'max_cost',
  structured_output_retry_exhausted: 'invalid_output',
};
const FULL: readonly (string | undefined)[] = ['blocking_limit', 'prompt_too_long', 'rapid_refill_breaker'];

const BY_CAUSE: Readonly<Partial<Record<FailureCause, string>>> = {
  auth: 'auth',
  usage_limit: 'rate_limited',
  spend_limit: 'spend_limit',
  transient: 'provider_error',
  unknown_model: 'unknown_model',
  context_full: 'context_full',
  refused: 'refused',
};

export function lastOutput({ diagnostics }: RunWitnesses): string {
  return diagnostics.length > 0 ? ` Last output: ${diagnostics.join(' | ')}` : '';
}

export function exitOf(run: RunWitnesses): string {
  return `It ended with exit code ${run.end.exitCode}.${lastOutput(run)}`;
}

export function exitedWell({ end }: RunWitnesses): boolean {
  return end.exitCode === 0 || (end.unknown === true && end.exitCode === undefined);
}

/** After the last word, a process that does not exit is ended by us, and anybody else may end it. */
export function endedWell(run: RunWitnesses): boolean {
  const { end, isFinal } = run;
  const fromOutside =
    end.oomKilled === true || OUTSIDE_REASONS.includes(end.reason) || OUTSIDE_CODES.includes(end.exitCode);
  return exitedWell(run) || (isFinal && (end.reason !== undefined || end.exitCode !== undefined) && fromOutside);
}

export function wordsOf(result: ResultObservation | undefined): string {
  return result?.text ?? `Claude ended with '${result?.subtype}'.`;
}

export function limitOf({ subtype, terminalReason = '' }: ResultObservation): string | undefined {
  return own(BY_SUBTYPE, subtype) ?? own(BY_TERMINAL_REASON, terminalReason);
}

/** True if a request to the model has ended the run: the result is an error, or there is none because Claude gave up. */
export function isFailing(run: RunWitnesses): boolean {
  const { result, failedRequest } = run;
  if (result) return result.isError || ['refusal', WINDOW].includes(result.stopReason ?? '');
  return failedRequest !== undefined && !OUTSIDE_CODES.includes(run.end.exitCode) && run.unattended !== undefined;
}

/** A stop reason of the API. */
const WINDOW = 'model_context_window_exceeded';

export function isFull(run: RunWitnesses): boolean {
  const { result } = run;
  return FULL.includes(result?.terminalReason) || result?.stopReason === WINDOW || causeOf(run) === 'context_full';
}

/** Causes that no limit of the account can bring about. */
const UNLIMITED: readonly FailureCause[] = ['auth', 'unknown_model', 'context_full', 'refused'];

/** Why the last request failed. The provider's event decides about limits; words count only if there was no event. */
export function causeOf(run: RunWitnesses): FailureCause | undefined {
  const { limit } = run;
  const cause = causeByWords(run);
  if (!limit || (cause !== undefined && UNLIMITED.includes(cause))) return cause;
  return cause === 'spend_limit' && limit.resetsAt === undefined ? cause : limit.cause;
}

function causeByWords({ result, failedRequest }: RunWitnesses): FailureCause | undefined {
  if (result?.stopReason === 'refusal') return 'refused';
  const text = result ? result.text : failedRequest?.text;
  const status = result?.apiStatus ?? failedRequest?.status;
  return causeOfFailure({
    ...(text !== undefined && { text }),
    ...(failedRequest?.type !== undefined && { type: failedRequest.type }),
    ...(status !== undefined && { status }),
  });
}

/** The reason for a cause that has one. */
export function reasonOf(run: RunWitnesses): string | undefined {
  const cause = causeOf(run);
  return cause === undefined ? undefined : BY_CAUSE[cause];
}

/** What ended a run, in words. */
export function failureOf(run: RunWitnesses): string {
  const { result, failedRequest } = run;
  const said = result ? wordsOf(result) : (failedRequest?.text ?? 'A request to the model failed.');
  if (result?.text === undefined || causeOf(run) !== 'unknown_model') return said;
  // Claude Code's own advice is for a person at its prompt.
  const fact = said.replace(/ Run (--|\/)model to pick a different model\./, '');
  return `${fact} Set the option 'model' to one that your account has.`;
}

export function cutShort({ terminalReason = '' }: ResultObservation): string | undefined {
  return own(CUT_SHORT, terminalReason);
}

/** What a run with a good result has left open, in words. Undefined if nothing. */
export function leftOpen({ result, open, worksOn, isSilent }: RunWitnesses): string | undefined {
  if (!result) return undefined;
  const { calls, tasks, unheard } = open;
  if (tasks.length > 0) return `work in the background had not ended (${tasks.join(', ')})`;
  if (unheard.length > 0)
    return `work in the background did not end well, and the agent was not told (${unheard.join(', ')})`;
  if (calls.length > 0) return `a tool call had no result (${calls.join(', ')})`;
  if (worksOn) return 'the agent worked on after its last result, and reported no further one';
  const { stopReason = '', text } = result;
  // A run that ends with its typed result ends with a tool call.
  const structured = result.output !== undefined || result.outputProblem !== undefined;
  const cut = structured ? undefined : own(CUT_OFF, stopReason);
  if (cut !== undefined) return `${cut} (stop_reason '${stopReason}')`;
  const short = cutShort(result);
  if (short !== undefined) return `${short} (terminal_reason '${result.terminalReason}')`;
  if (isSilent && !structured && text?.trim() === '') return 'the agent said nothing after its last tool call';
  return undefined;
}

function own<Value>(map: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
