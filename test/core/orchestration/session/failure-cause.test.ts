import { expect, it } from 'vitest';
import { causeOfFailure, type FailureCause } from '../../../../src/core/orchestration/session/failure-cause.js';

it.each<[FailureCause | undefined, string]>([
  ['context_full', 'Prompt is too long'],
  ['context_full', 'API Error: 400 {"message":"prompt is too long: 250000 tokens > 200000 maximum"}'],
  ['context_full', 'input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000'],
  ['context_full', 'Input is too long for requested model.'],
  ['context_full', "This model's maximum context length is 128000 tokens. However, you requested 130000 tokens"],
  ['context_full', 'The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).'],
  ['context_full', 'API Error: The model has reached its context window limit.'],
  ['context_full', 'context_length_exceeded'],
  ['context_full', 'Request too large (max 20MB). Try with a smaller file.'],
  ['transient', 'API Error: 500 {"type":"error","error":{"type":"api_error","message":"Internal server error"}}'],
  ['transient', 'API Error: 503 {"type":"error","error":{"type":"api_error","message":"upstream connect error"}}'],
  ['transient', 'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'],
  ['transient', 'API Error: Connection error.'],
  ['transient', 'API Error: Request timed out.'],
  ['transient', 'API Error: Stream idle timeout - partial response received'],
  ['transient', 'fetch failed: read ECONNRESET'],
  ['auth', 'Failed to authenticate. API Error: 401 OAuth token has expired.'],
  ['spend_cap', "You've hit your monthly spend limit · raise it at claude.ai/settings/usage"],
  ['spend_cap', 'Your credit balance is too low to access the Anthropic API.'],
  ['unknown_model', "There's an issue with the selected model (x). It may not exist or you may not have access to it."],
  ['usage_limit', 'API Error: 429 rate_limit_error'],
  ['refused', 'API Error: Claude Code is unable to respond to this request, which appears to violate our Usage Policy'],
  [undefined, 'API Error: 400 {"type":"invalid_request_error","message":"messages.3: tool_use ids must be unique"}'],
  [undefined, 'I read 500 lines of the file.'],
  [undefined, ''],
])('the words of a failed request tell its cause: %s: %s', (cause, text) => {
  expect(causeOfFailure({ text })).toBe(cause);
});

it.each<[FailureCause | undefined, { type?: string; status?: number; text?: string }]>([
  ['transient', { type: 'server_error' }],
  ['transient', { status: 502 }],
  ['auth', { type: 'oauth_org_not_allowed' }],
  ['auth', { status: 401, text: 'No.' }],
  ['spend_cap', { type: 'billing_error' }],
  ['unknown_model', { type: 'model_not_found' }],
  ['context_full', { type: 'invalid_request', text: 'Prompt is too long' }],
  ['transient', { type: 'unknown', text: 'API Error: 500 Internal server error' }],
  [undefined, { type: 'constructor' }],
  [undefined, { type: 'invalid_request', status: 400 }],
])('the name of an error and the status of its response tell the cause, too: %s: %j', (cause, request) => {
  expect(causeOfFailure(request)).toBe(cause);
});
