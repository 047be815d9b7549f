import { classifyError } from './error-classifier.js';

/**
 * Why the model's provider refused a request:
 *
 * - `transient`: a fault that passes (5xx, overloaded, a lost connection, a stream that went silent)
 * - `auth`: the login is refused; a person has to act
 * - `usage_limit`: no further requests for now; time lifts it
 * - `spend_cap`: no further requests until a person pays or raises a cap
 * - `unknown_model`: the provider does not know the model, or does not give it to this account
 * - `context_full`: the conversation is longer than the model reads
 * - `refused`: the model or its provider does not answer this request, by its usage policy
 */
export type FailureCause =
  | 'transient'
  | 'auth'
  | 'usage_limit'
  | 'spend_cap'
  | 'unknown_model'
  | 'context_full'
  | 'refused';

/** What is known of a request that failed. The log is the agent's word, so each part may be missing or wrong. */
export interface FailedRequest {
  /** The words of the error, for a person. */
  readonly text?: string;
  /** Claude Code's own name for the error, for example `server_error`. */
  readonly type?: string;
  /** The status code of the HTTP response. */
  readonly status?: number;
}

/** Claude Code's names for errors (2.1.332). `unknown`, `invalid_request` and `max_output_tokens` say too little. */
const BY_TYPE: Readonly<Record<string, FailureCause>> = {
  authentication_failed: 'auth',
  oauth_org_not_allowed: 'auth',
  account_on_hold: 'auth',
  verification_required: 'auth',
  cloud_credential_error: 'auth',
  billing_error: 'spend_cap',
  rate_limit: 'usage_limit',
  overloaded: 'transient',
  server_error: 'transient',
  model_not_found: 'unknown_model',
};

/** Words of providers and of Claude Code. The first that fits counts, so the more special ones come first. */
const BY_WORDS: readonly (readonly [FailureCause, RegExp])[] = [
  [
    'context_full',
    /prompt is too long|input is too long|request (is )?too large|(exceeds?|exceeded|over|reached) (the |its )?(model'?s? |maximum )*context (length|limit|window)|context (length|window|limit)( has been| was| is)? (exceeds?|exceeded|reached|full)|context_length_exceeded|maximum context length|input (token count|tokens?|length).{0,80}exceed|conversation (is )?too long|autocompact is thrashing/i,
  ],
  ['refused', /violates? our usage policy|safeguards (flagged|stopped)/i],
  [
    'spend_cap',
    /spend(ing)? (limit|cap)|credit balance is too low|out of (extra usage|credits)|billing|payment required/i,
  ],
  [
    'unknown_model',
    /issue with the selected model|model.{0,80}(does not exist|not found|is not available|not supported)|invalid model|unknown model/i,
  ],
  [
    'transient',
    /\b(500|502|503|504|520|522|524|529)\b.{0,80}(error|unavailable|timeout|bad gateway|overloaded)|error:? (5\d\d)\b|overloaded|internal server error|bad gateway|service unavailable|gateway time-?out|connection (error|reset|refused|closed|lost|timed out)|socket hang up|fetch failed|network error|premature close|unable to connect|econnreset|econnrefused|etimedout|enotfound|eai_again|epipe|request timed out|stream (idle|timed out|ended|closed)|idle timeout/i,
  ],
];

/**
 * Why a request failed. Undefined if it is none of these causes, for example a request that was wrong in itself. Pure.
 *
 * Words count first where they are more exact than a name: releases give `invalid_request` or `unknown` to very different errors.
 */
export function causeOfFailure({ text = '', type, status }: FailedRequest): FailureCause | undefined {
  const words = text.slice(0, EXAMINED);
  const said = BY_WORDS.find(([, pattern]) => pattern.test(words))?.[0];
  if (said === 'context_full' || said === 'refused' || said === 'spend_cap') return said;
  const named = type !== undefined && Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : undefined;
  return named ?? byStatus(status) ?? said ?? byClass(words);
}

/** How much of a text the patterns see. */
const EXAMINED = 4_000;

function byStatus(status: number | undefined): FailureCause | undefined {
  if (status === undefined) return undefined;
  if (status === 401) return 'auth';
  if (status === 402) return 'spend_cap';
  if (status === 408 || (status >= 500 && status < 600)) return 'transient';
  return status === 429 ? 'usage_limit' : undefined;
}

function byClass(words: string): FailureCause | undefined {
  if (words === '') return undefined;
  const { code } = classifyError(words, 'api');
  if (code === 'auth' || code === 'unknown_model') return code;
  return code === 'rate_limit' ? 'usage_limit' : undefined;
}
