import type { FailureCause } from './failure-causes.js';

/** With these sentences, a request that is refused with status 400 has met a cap. Other words may be quoted from the request. */
export const CAPS: readonly RegExp[] = [
  /credit balance is too low|specified api usage limit|budget has been exceeded|exceeded ?budget|crossed budget/i,
  /(organi[sz]ation|workspace|account) (has )?(reached|exceeded|hit|is over) (its|their) .{0,30}\b(usage|spend(ing)?|billing|credit|monthly|budget) (limit|cap)/i,
  /(hit|reached|exceeded) your .{0,40}(monthly (\S{1,12} ){0,2}|spend(ing)? |budget )(limit|cap)/i,
];

/**
 * The words with which providers (Anthropic, Bedrock, Vertex), gateways and Claude Code say why a request failed. The first that
 * fits counts, so the more special ones come first.
 *
 * Each text is matched against all of these, so every repetition has a bound: the time is linear in the length of the text.
 */
export const FAILURE_WORDS: readonly (readonly [FailureCause, readonly RegExp[]])[] = [
  [
    'context_full',
    [
      /prompt is too long|input is too long|request (is |entity )?(too large|exceeds the maximum (allowed )?(number of bytes|size))|request_too_large|payload too large/i,
      /(exceeds?|exceeded|over|reached) (the |its )?(model'?s? |maximum ){0,3}context (length|limit|window)|context (length|window|limit)( has been| was| is)? (exceeds?|exceeded|reached|full)/i,
      /context_length_exceeded|maximum context length|input (token count|tokens?|length).{0,80}exceed|conversation (is )?too long|autocompact is thrashing/i,
    ],
  ],
  ['refused', [/violates? our usage policy|safeguards (flagged|stopped)/i]],
  // Paid usage that is counted in the account's windows, too.
  ['usage_limit', [/out of extra usage.{0,40}\bresets?\b/i]],
  [
    'spend_limit',
    [
      ...CAPS,
      /monthly (usage |spend(ing)? )?(limit|cap) (was |has been |is )?(reached|hit|exceeded)/i,
      /spend(ing)? (limit|cap)|insufficient (credits|funds|balance|_?quota)|insufficient_quota|out of (usage |extra )?credits|out of extra usage|payment required/i,
      /billing (is |has been )?(not enabled|disabled|to be enabled)|billing[ _](hard |soft |hard_)?limit[ _](has been |was )?(reached|exceeded)|check your plan and billing|billing account .{0,80}(disabled|closed|not active)/i,
    ],
  ],
  [
    'auth',
    [
      /invalid (api key|authentication|bearer token|x-api-key|credentials)|(incorrect|expired|revoked) api key|api key (is |has been |was )?(not valid|invalid|expired|revoked|disabled)|authentication[_ ](error|failed)|failed to authenticate|\bunauthenticated\b/i,
      /\btoken\b[^.]{0,60}\b(expired|revoked)\b|oauth (access )?token[^.]{0,40}invalid|invalid (access|refresh|oauth|auth) token|(access|refresh|oauth) token (is|was) invalid|security token[^.]{0,40}invalid|expiredtoken|unrecognizedclientexception|invalidclienttokenid|invalid_grant|invalid_rapt|reauth related error/i,
      /run \/login|log ?in again|claude auth login|aws sso login|gcloud auth (application-default )?login|not logged in\b|\b(sso|login|your)\b.{0,20} session\b[^.]{0,80}\bexpired|login (has )?expired/i,
      /credentials? (are|is|have|has|were)\b[^.]{0,40}(invalid|expired|revoked)|could not load (the )?(default )?credentials|credentialsprovidererror|unable to locate credentials|apikeyhelper|error getting api key/i,
      /does not meet scope requirement|insufficient (authentication )?scope|oauth authentication is currently not|does not have access to claude\b|not authorized to perform:? ?\S{1,80}:|permission_denied|permission '?aiplatform\S{0,80} denied/i,
      /(account|organi[sz]ation) (has been|is|was) (disabled|suspended|deactivated|banned|locked|on hold)|(disabled|suspended) organi[sz]ation/i,
    ],
  ],
  [
    'usage_limit',
    [
      /(usage|session|weekly|daily|hourly|\d{1,3}[- ]hour|opus|sonnet|plan) limit (was |has been )?(reached|hit|exceeded)|(hit|reached|exceeded) your .{0,40}limit|request rejected \(429\)/i,
      /throttlingexception|too many requests|too many tokens\b.{0,40}\bwait|resource_exhausted|resource has been exhausted|quota exceeded|exceeded .{0,40}quota|servicequotaexceeded/i,
    ],
  ],
  [
    'unknown_model',
    [
      /issue with the selected model|invalid model\b|unknown model|no such model|model_not_found|not_found_error.{0,80}\bmodel\b|model (identifier|id|name)\b.{0,80} (is|was) (invalid|not valid)/i,
      /\bmodel\b.{0,200}(does not exist|not found)|\bmodel\b:? ?\S{0,200} is not (available|supported)|not available (with|on|in|for) (the|your) .{0,40}(plan|subscription)\b/i,
      /(don.{0,6}t|do not|does not|may not) have access to (the |this |that )?model|on-demand throughput (isn.{0,6}t|is not) supported|model (version )?has (reached (the )?end of (its )?life|been (retired|deprecated))/i,
    ],
  ],
  [
    'transient',
    [
      /\b(500|502|503|504|520|521|522|523|524|529|530)\b.{0,80}(error|unavailable|timeout|bad gateway|overloaded)|error:? (5\d\d)\b|overloaded|internal (server )?error|bad gateway|service (is )?unavailable|currently unavailable|gateway time-?out|server is (busy|at capacity)|(experiencing|due to) (\w{1,12} )?high demand/i,
      /connection (error|reset|refused|closed|lost|dropped|aborted|failed|interrupted|terminat\w{2,4}|time(d |-?)out)|socket (hang up|disconnected|connection was closed)|other side closed|fetch failed|network error|premature[ _]close|unable to connect|upstream connect error|reset before headers|no healthy upstream/i,
      /econnreset|econnrefused|econnaborted|etimedout|enotfound|eai_again|epipe|enetunreach|ehostunreach|und_err_\w|nghttp2_|rst_stream|goaway|tls handshake (timeout|error|failed)|network (is |was )?(unreachable|lost|changed)|no route to host|getaddrinfo|could not resolve|failure in name resolution|(connect|headers|body) timeout|(request|response|stream|first[- ]byte) time(d out|out)|\bhas timed out|stream (idle|timed out|ended|closed|disconnected|error)|response stalled|idle timeout|temporar(y|ily) (capacity|unavailable)/i,
      /(request|operation) was aborted|(^|[:(] ?)(terminated|aborted)[.)]{0,2}$|should not be disturbed or locked|body is unusable/i,
      /internalserverexception|internalfailure|serviceunavailable|unable to process your request|model(timeout|notready|streamerror|error)exception|encountered an unexpected error|try your request again|deadline[_ ]exceeded/i,
      // Statuses of Google's services. In small letters, these are words of any text.
      /\b(UNAVAILABLE|INTERNAL|ABORTED)\b/,
    ],
  ],
];

/** The API names the part of the request that is wrong. What follows may quote the request, for example the name of a tool. */
export const NAMES_A_PART = /\b(messages|tools|system|tool_choice|thinking|output_config)\.[\w.]{1,200}:/i;
