/**
 * Why the model's provider refused a request:
 *
 * - `transient`: a fault that passes (5xx, overloaded, a lost connection, a stream that went silent)
 * - `auth`: the login is refused; a person has to act
 * - `usage_limit`: no further requests for now; time lifts it
 * - `spend_limit`: no further requests until a person pays or raises a limit on money
 * - `unknown_model`: the provider does not know the model, or does not give it to this account
 * - `context_full`: the conversation is longer than the model reads
 * - `refused`: the model or its provider does not answer this request, by its usage policy
 */
export type FailureCause =
  | 'transient'
  | 'auth'
  | 'usage_limit'
  | 'spend_limit'
  | 'unknown_model'
  | 'context_full'
  | 'refused';
