import { classifyError } from './error-classifier.js';
import type { FailureCause } from './failure-causes.js';

export type { FailureCause };

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
  billing_error: 'spend_limit',
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
    'spend_limit',
    /spend(ing)? (limit|cap)|credit balance is too low|insufficient (credits|funds|balance|_?quota)|out of (usage |extra )?credits|out of extra usage|billing|payment required|organi[sz]ation (has been|is) disabled|disabled organi[sz]ation|monthly (usage )?(limit|cap)/i,
  ],
  [
    'auth',
    /invalid (api key|authentication|bearer token|x-api-key)|authentication[_ ](error|failed)|failed to authenticate|oauth (access )?token[^.]{0,40}(expired|revoked|invalid)|run \/login|log ?in again|claude auth login|not logged in|does not have access to claude|oauth authentication is currently not|apikeyhelper|error getting api key|could not load (the )?(default )?credentials|security token[^.]{0,40}(expired|invalid)/i,
  ],
  [
    'usage_limit',
    /(usage|session|weekly|daily|hourly|\d+[- ]hour|opus|sonnet|plan) limit (was |has been )?(reached|hit|exceeded)|(hit|reached|exceeded) your .{0,40}limit|request rejected \(429\)/i,
  ],
  [
    'unknown_model',
    /issue with the selected model|model.{0,80}(does not exist|not found|is not available|not supported)|invalid model|unknown model/i,
  ],
  [
    'transient',
    /\b(500|502|503|504|520|522|524|529)\b.{0,80}(error|unavailable|timeout|bad gateway|overloaded)|error:? (5\d\d)\b|overloaded|internal server error|bad gateway|service unavailable|gateway time-?out|connection (error|reset|refused|closed|lost|dropped|aborted|timed out)|socket (hang up|connection was closed)|fetch failed|network error|premature close|unable to connect|econnreset|econnrefused|econnaborted|etimedout|enotfound|eai_again|epipe|enetunreach|ehostunreach|und_err_\w+|(request|response|stream|first[- ]byte) time(d out|out)|stream (idle|timed out|ended|closed|disconnected|error)|response stalled|idle timeout|temporar(y|ily) (capacity|unavailable)/i,
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
  if (said === 'context_full' || said === 'refused' || said === 'spend_limit') return said;
  const named = type !== undefined && Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : undefined;
  const code = status ?? statusIn(words);
  const known = named ?? byStatus(code);
  if (known) return known;
  // A request that is wrong in itself stays wrong, whatever numbers and words its error quotes.
  const isWrong = code !== undefined && code >= 400 && code < 500;
  if (isWrong) return said === 'auth' || said === 'unknown_model' ? said : undefined;
  return said ?? byClass(words);
}

/** The status code with which Claude Code begins its message about a request. */
function statusIn(words: string): number | undefined {
  const [, code] = /^(?:failed to authenticate\.? )?api error:? \(?([45]\d\d)\b/i.exec(words) ?? [];
  return code === undefined ? undefined : Number(code);
}

/** How much of a text the patterns see. */
const EXAMINED = 4_000;

function byStatus(status: number | undefined): FailureCause | undefined {
  if (status === undefined) return undefined;
  if (status === 401) return 'auth';
  if (status === 402) return 'spend_limit';
  if (status === 408 || (status >= 500 && status < 600)) return 'transient';
  return status === 429 ? 'usage_limit' : undefined;
}

function byClass(words: string): FailureCause | undefined {
  if (words === '') return undefined;
  const { code } = classifyError(words, 'api');
  if (code === 'auth' || code === 'unknown_model') return code;
  return code === 'rate_limit' ? 'usage_limit' : undefined;
}
