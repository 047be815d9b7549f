/**
 * Why the model's provider did not answer.
 *
 * - `auth`: the login is refused. No request of this account will succeed before a person has logged in again
 * - `spend_limit`: the account has no money left, or reached a cap. A person has to raise it; no time lifts it
 * - `usage_limit`: the account has used up a window. The provider answers again when the window is reset
 * - `transient`: a failure of the server or of the connection, which may pass by itself
 */
export type ProviderFailure = 'auth' | 'spend_limit' | 'usage_limit' | 'transient';

/** What Claude Code says of a request that failed. */
export interface RequestFailure {
  /** The name that Claude Code gives to the kind of error. */
  readonly error?: string;
  /** The status of the provider's answer. Absent if there was no answer. */
  readonly status?: number;
  readonly text?: string;
}

/** The names of Claude Code 2.1.98 and 2.1.332. Some kinds have no name of their own in the older release. */
const NAMES: ReadonlyMap<string, ProviderFailure> = new Map([
  ['authentication_failed', 'auth'],
  ['oauth_org_not_allowed', 'auth'],
  ['account_on_hold', 'auth'],
  ['verification_required', 'auth'],
  ['cloud_credential_error', 'auth'],
  ['billing_error', 'spend_limit'],
  ['overloaded', 'transient'],
  ['server_error', 'transient'],
]);

/** Errors that stay, however often the request is sent. Their texts may contain any words. */
const PERMANENT_NAMES: ReadonlySet<string> = new Set(['model_not_found', 'max_output_tokens']);

/** The first pattern that matches wins. A cap on money comes before a usage limit, because its words are those of a limit, too. */
const WORDS: readonly (readonly [ProviderFailure, RegExp])[] = [
  [
    'auth',
    /invalid (api key|authentication|bearer token|x-api-key)|authentication[_ ](error|failed)|failed to authenticate|oauth (access )?token[^.]{0,40}(expired|revoked|invalid)|run \/login|log ?in again|claude auth login|not logged in|does not have access to claude|oauth authentication is currently not|apikeyhelper (failed|error|did not)|error getting api key|could not load (the default )?credentials|security token[^.]{0,40}(expired|invalid)|\b401\b.{0,40}unauthori[sz]ed|api error: 401\b/i,
  ],
  [
    'spend_limit',
    /spend(ing)? (limit|cap)|credit balance is too low|insufficient (credits|funds|balance|_quota)|insufficient_quota|out of (usage |extra )?credits|billing_error|payment required|api error: 402\b|organization (has been|is) disabled|disabled organization|monthly (usage |spend )?(limit|cap)/i,
  ],
  [
    'usage_limit',
    /(usage|session|weekly|daily|\d+[- ]hour|opus|sonnet|plan) limit (was )?(reached|hit|exceeded)|(hit|reached|exceeded) your .{0,40}limit|out of extra usage|rate[_ -]?limit|too many requests|request rejected \(429\)|\b429\b/i,
  ],
  [
    'transient',
    /\boverloaded|api error: 5\d\d\b|\b(500|502|503|504|520|522|524|529)\b .{0,40}(error|unavailable|gateway|overload|timeout)|(api|server)_error|internal server error|bad gateway|service unavailable|gateway time-?out|connection (error|reset|refused|closed|dropped|aborted|timed out)|network (error|connection)|unable to connect|socket (hang up|connection was closed)|fetch failed|stream (idle|ended|closed|disconnected|error|timed out)|(request|response|stream|api|first[- ]byte) time(d out|out)|timed out waiting|response stalled|premature close|\b(ECONNRESET|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|ENETUNREACH|EHOSTUNREACH|UND_ERR_[A-Z_]+)\b|temporar(y|ily) (capacity|unavailable|network)/i,
  ],
];

/** A text of any length says within this what it is about. */
const EXAMINED = 2_000;

/**
 * Judges a failed request. The name counts first, then the status, then the words.
 *
 * @returns undefined for a failure of the request itself, which stays however often the request is sent
 */
export function providerFailure({ error, status, text = '' }: RequestFailure): ProviderFailure | undefined {
  const named = error === undefined ? undefined : NAMES.get(error);
  if (named) return named;
  if (error !== undefined && PERMANENT_NAMES.has(error)) return undefined;
  const said = text.slice(0, EXAMINED);
  const permanent = status === undefined ? statusIn(said) : status;
  const byWords = WORDS.find(([, pattern]) => pattern.test(said))?.[0];
  // A cap has no status of its own: a provider answers it with 400, 402, 403 or 429.
  if (byWords === 'spend_limit') return byWords;
  if (permanent === 401) return 'auth';
  if (permanent === 403) return byWords === 'auth' ? 'auth' : undefined;
  if (permanent === 402) return 'spend_limit';
  if (permanent === 429) return 'usage_limit';
  if (permanent === 408 || permanent === 409 || (permanent !== undefined && permanent >= 500)) return 'transient';
  if (permanent !== undefined) return byWords === 'auth' ? 'auth' : undefined;
  if (error === 'rate_limit') return byWords === 'transient' ? byWords : 'usage_limit';
  return error === 'invalid_request' ? (byWords === 'auth' ? byWords : undefined) : byWords;
}

/** The status that a message begins with. A number further back may be anything. */
function statusIn(text: string): number | undefined {
  const [, status] = /^(?:failed to authenticate\.? )?api error:? \(?([45]\d\d)\b/i.exec(text) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** What the provider said of a run's last request. */
export interface ProviderWitness {
  /** The last request that failed for good, if the provider has not answered since. */
  readonly failed?: { readonly failure?: ProviderFailure; readonly text: string };
  /** The limit that the provider's event told, if the provider has not answered since. */
  readonly limit?: { readonly failure: 'usage_limit' | 'spend_limit'; readonly resetsAt?: number };
}

/**
 * The failure that ended a run with an error.
 *
 * The provider's event decides about limits. The words count only if there was no event.
 *
 * @param text of Claude's result
 */
export function failureOf({ failed, limit }: ProviderWitness, text: string): ProviderFailure | undefined {
  if (failed?.failure === 'auth') return 'auth';
  if (limit && !(limit.resetsAt === undefined && failed?.failure === 'spend_limit')) return limit.failure;
  return failed ? failed.failure : providerFailure({ text });
}
