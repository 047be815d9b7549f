import { classifyError } from './error-classifier.js';
import type { FailureCause } from './failure-causes.js';
import { CAPS, FAILURE_WORDS, NAMES_A_PART } from './failure-words.js';

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

/** Claude Code's names for faults of the provider. What else the text of such an error says is about something else. */
const FAULTS: readonly (string | undefined)[] = ['server_error', 'overloaded'];

/**
 * Why a request failed. Undefined if it is none of these causes, for example a request that was wrong in itself. Pure.
 *
 * Words count first where they are more exact than a name: releases give `invalid_request` or `unknown` to very different errors.
 */
export function causeOfFailure({ text = '', type, status }: FailedRequest): FailureCause | undefined {
  const words = text.slice(0, EXAMINED).trim();
  const said = saidBy(words);
  if (said === 'context_full' || said === 'refused') return said;
  const code = status ?? statusIn(words);
  const named = type !== undefined && Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : undefined;
  const isFault = FAULTS.includes(type) || (code !== undefined && (code === 408 || code >= 500));
  const isWrong = code !== undefined && code >= 400 && code < 500;
  const isPlain = isWrong && code !== 402 && code !== 403 && code !== 429;
  if (!isFault && isLimit(said, words, isPlain)) return said;
  // Claude Code calls every 403 a failed login.
  if (named === 'auth' && code !== 401 && isUnknownModel(words)) return 'unknown_model';
  const known = named ?? byStatus(code);
  if (known) return known;
  if (isWrong) return ofWrongRequest(words, code);
  return said ?? byClass(words);
}

/** True if the words tell of a cap on money, or of paid usage that time gives back. They count more than a name. */
function isLimit(said: FailureCause | undefined, words: string, isPlainRefusal: boolean): boolean {
  if (said === 'usage_limit') return EXTRA_USAGE.test(words);
  return said === 'spend_limit' && (!isPlainRefusal || (fits(words, CAPS) && !NAMES_A_PART.test(words)));
}

const EXTRA_USAGE = /out of extra usage/i;

/** A request that is wrong in itself stays wrong, whatever numbers and words its error quotes. */
function ofWrongRequest(words: string, code: number | undefined): FailureCause | undefined {
  if (NAMES_A_PART.test(words)) return undefined;
  const said = FAILURE_WORDS.find(([cause, patterns]) => REFUSALS.includes(cause) && fits(words, patterns))?.[0];
  // Claude Code's own words for every 403 begin with "Failed to authenticate".
  if (isUnknownModel(words) || (code === 404 && /\b(model|inference profile)\b/i.test(words))) return 'unknown_model';
  return said;
}

/** What can be the cause although the status says that the request was wrong. */
const REFUSALS: readonly FailureCause[] = ['auth', 'usage_limit', 'unknown_model'];

function saidBy(words: string): FailureCause | undefined {
  return FAILURE_WORDS.find(([, patterns]) => fits(words, patterns))?.[0];
}

function isUnknownModel(words: string): boolean {
  return FAILURE_WORDS.some(([cause, patterns]) => cause === 'unknown_model' && fits(words, patterns));
}

function fits(words: string, patterns: readonly RegExp[]): boolean {
  return patterns.some((pattern) => pattern.test(words));
}

/** The status code with which Claude Code begins its message about a request. Some releases name the model before it. */
function statusIn(words: string): number | undefined {
  const [, code] = /(?:^|[·.] )api error(?: \([^)]{1,200}\))?:? \(?([45]\d\d)\b/i.exec(words) ?? [];
  return code === undefined ? undefined : Number(code);
}

/** How much of a text the patterns see. */
const EXAMINED = 4_000;

/** Requests that met another one, came too early, or whose connection was given up. 424 is Bedrock's fault of the model. */
const PASSING: readonly number[] = [408, 409, 424, 425, 499];

function byStatus(status: number | undefined): FailureCause | undefined {
  if (status === undefined) return undefined;
  if (status === 401) return 'auth';
  if (status === 402) return 'spend_limit';
  if (status === 413) return 'context_full';
  if (PASSING.includes(status) || (status >= 500 && status < 600)) return 'transient';
  return status === 429 ? 'usage_limit' : undefined;
}

function byClass(words: string): FailureCause | undefined {
  if (words === '') return undefined;
  const { code } = classifyError(words, 'api');
  if (code === 'auth' || code === 'unknown_model') return code;
  return code === 'rate_limit' ? 'usage_limit' : undefined;
}
