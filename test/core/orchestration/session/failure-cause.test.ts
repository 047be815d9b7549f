import { expect, it } from 'vitest';
import {
  causeOfFailure,
  type FailedRequest,
  type FailureCause,
} from '../../../../src/core/orchestration/session/failure-cause.js';

const CASES: [FailureCause | undefined, FailedRequest[]][] = [
  [
    'transient',
    [
      { text: 'API Error: 500 {"type":"error","error":{"type":"api_error","message":"Internal server error"}}' },
      { text: 'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}' },
      { text: 'API Error: Connection error.' },
      { text: 'API Error (Connection error.) · Retrying in 5 seconds' },
      { text: 'API Error: read ECONNRESET' },
      { text: 'getaddrinfo EAI_AGAIN api.anthropic.com' },
      { text: 'API Error: Request timed out.' },
      { text: 'API Error: Stream idle timeout - partial response received' },
      { text: 'API Error: The socket connection was closed unexpectedly' },
      { text: 'Unable to connect to API (ConnectionRefused)' },
      { text: 'odd', status: 502 },
      { text: 'odd', type: 'server_error' },
      { text: 'Repeated 529 Overloaded errors' },
      { text: 'terminated' },
      { text: 'API Error: terminated' },
      { text: 'TypeError: terminated' },
      { text: 'API Error: other side closed' },
      { text: 'API Error: Connect Timeout Error' },
      { text: 'NGHTTP2_REFUSED_STREAM' },
      { text: 'Error: aborted' },
      { text: 'Request was aborted.' },
      { text: 'Client network socket disconnected before secure TLS connection was established' },
      { text: 'upstream connect error or disconnect/reset before headers. reset reason: connection termination' },
      { text: 'API Error: ERR_STREAM_PREMATURE_CLOSE' },
      { text: 'API Error: Response body object should not be disturbed or locked' },
      { text: 'InternalServerException: The system encountered an unexpected error during processing.' },
      { text: 'ServiceUnavailableException: Bedrock is unable to process your request.' },
      { text: 'ModelTimeoutException: Model has timed out in processing the request. Try your request again.' },
      { text: 'ModelNotReadyException: Model is not ready' },
      { text: 'ModelStreamErrorException: x' },
      { text: 'API Error: 424 {"message":"The system encountered an unexpected error"}', status: 424 },
      { text: 'DEADLINE_EXCEEDED' },
      { text: 'UNAVAILABLE: The service is currently unavailable.' },
      { text: '{"error":{"status":"INTERNAL"}}' },
      { text: 'API Error (us.anthropic.claude-x): 503 {"message":"x"}' },
      { text: 'API Error: Server is busy' },
      { text: 'API Error: 499 client closed request' },
      { text: 'odd', status: 409 },
      { text: 'odd', status: 425 },
      { text: 'Internal server error. See https://console.anthropic.com/settings/billing', type: 'server_error' },
      { text: 'API Error: 503 failed to reach billing service', status: 503, type: 'server_error' },
      { text: 'API Error: 529 Your monthly usage limit is not affected.', type: 'overloaded' },
      { text: 'API Error: 500 the tool read "credit balance is too low"' },
    ],
  ],
  [
    'auth',
    [
      { text: 'Invalid API key · Fix external API key' },
      { text: 'Not logged in · Please run /login' },
      { text: 'Failed to authenticate. API Error: 401 {"type":"error"}' },
      { text: 'Failed to authenticate: OAuth token revoked. Please log in again or contact your administrator.' },
      { text: 'Your account does not have access to Claude. Please login again or contact your administrator.' },
      { text: 'apiKeyHelper failed: exited with 1' },
      { text: 'API Error (claude-x): 401 {"type":"error"}' },
      { text: 'API Error: Token is expired. To refresh this SSO session run aws sso login' },
      { text: 'The SSO session associated with this profile has expired.' },
      { text: 'API Error: invalid_grant: reauth related error (invalid_rapt)' },
      { text: 'API Error: 400 {"error":"invalid_grant"}', status: 400 },
      { text: 'AWS credentials have expired' },
      { text: 'Your AWS credentials are invalid or expired' },
      { text: 'API Error: 403 OAuth token does not meet scope requirement user:inference', status: 403 },
      { text: 'API Error: 403 account is on hold' },
      { text: 'Your account has been disabled after an automatic review' },
      { text: 'API Error: 403 {"Message":"User: x is not authorized to perform: bedrock:InvokeModel on resource: y"}' },
      { text: "Permission 'aiplatform.endpoints.predict' denied on resource", status: 403 },
      { text: 'API Error: 403 {"error":{"status":"PERMISSION_DENIED"}}', status: 403 },
      { text: 'API Error: 400 This organization has been disabled.', type: 'invalid_request' },
      { text: 'Your ANTHROPIC_API_KEY belongs to a disabled organization', type: 'invalid_request', status: 400 },
      { text: 'odd', type: 'account_on_hold' },
      { text: 'odd', type: 'cloud_credential_error' },
      { text: 'odd', status: 401 },
    ],
  ],
  [
    'spend_limit',
    [
      { text: 'Credit balance is too low', type: 'billing_error' },
      { text: "You've hit your monthly spend limit · raise it at claude.ai/settings/usage" },
      { text: "You've hit your org's monthly spend limit", type: 'rate_limit' },
      {
        text: 'API Error: 400 Your credit balance is too low to access the API.',
        type: 'invalid_request',
        status: 400,
      },
      {
        text: 'API Error: 400 You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.',
        type: 'invalid_request',
        status: 400,
      },
      { text: 'You have reached your specified API usage limits.' },
      { text: 'Your workspace has reached its usage limits', status: 400 },
      { text: "You've hit your org's monthly usage limit" },
      { text: "You're out of extra usage" },
      { text: "You've reached your monthly API usage limit" },
      { text: 'This organization has exceeded its monthly spending limit', status: 403 },
      { text: 'You exceeded your current quota, please check your plan and billing details.', status: 429 },
      { text: 'spend limit reached · resets Aug 8', status: 429 },
      { text: 'odd', status: 402 },
    ],
  ],
  [
    'usage_limit',
    [
      { text: "You've hit your session limit · resets 5pm" },
      { text: '5-hour limit reached ∙ resets 3pm' },
      { text: "You've reached your usage limit" },
      { text: 'API Error: 429 {"type":"error","error":{"type":"rate_limit_error"}}' },
      { text: 'API Error: Request rejected (429) · this may be a temporary capacity issue' },
      { text: "You're out of extra usage · resets 5pm", type: 'rate_limit', status: 429 },
      { text: "You're out of extra usage · resets 5pm", type: 'billing_error' },
      { text: 'ThrottlingException: Too many tokens, please wait before trying again.' },
      { text: 'ThrottlingException: Rate exceeded', status: 400 },
      { text: 'Your organization has exceeded its rate limit of 40,000 tokens per minute', status: 429 },
      { text: 'RESOURCE_EXHAUSTED: Quota exceeded for aiplatform.googleapis.com/x' },
    ],
  ],
  [
    'unknown_model',
    [
      { text: 'The provided model identifier is invalid.' },
      { text: 'API Error: 400 The provided model identifier is invalid.', status: 400, type: 'invalid_request' },
      { text: 'API Error: 404 {"error":{"type":"not_found_error","message":"model: claude-foo"}}', status: 404 },
      { text: '{"error":{"type":"not_found_error","message":"model: claude-foo"}}' },
      { text: "You don't have access to the model with the specified model ID." },
      { text: "You don't have access to the model with the specified model ID.", status: 403 },
      {
        text: "Failed to authenticate. API Error: 403 You don't have access to the model with the specified model ID.",
        type: 'authentication_failed',
        status: 403,
      },
      { text: "Invocation of model ID x with on-demand throughput isn't supported.", status: 400 },
      { text: 'Invocation of model ID x with on-demand throughput isn’t supported.' },
      { text: 'Claude Opus is not available with the Claude Pro plan.' },
      { text: 'Publisher Model `x` was not found or your project does not have access to it.', status: 404 },
    ],
  ],
  [
    'context_full',
    [
      { text: 'API Error: 413 {"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}' },
      { text: 'Request exceeds the maximum size' },
      { text: 'odd', status: 413 },
      { text: 'prompt is too long: 204800 tokens > 200000 maximum', status: 400 },
    ],
  ],
  [
    undefined,
    [
      {
        text: 'API Error: 400 {"error":{"type":"invalid_request_error","message":"messages.500: connection error in text"}}',
      },
      { text: 'API Error: 422 Field of 529 kB is overloaded', status: 422 },
      {
        text: 'API Error: 400 tools.12.custom.name: mcp__billing__create: String should match pattern',
        type: 'invalid_request',
        status: 400,
      },
      { text: "API Error: 400 tools.3.name: 'unknown model': String should match pattern", status: 400 },
      { text: "API Error: 400 tools.3.description: 'your account has been disabled'", status: 400 },
      { text: 'API Error: 400 The tool spending cap was not declared', status: 400 },
      { text: 'API Error: 404 Not found', status: 404 },
      { text: 'API Error: 403 {"error":{"type":"forbidden","message":"Request not allowed"}}', status: 403 },
      { text: 'Something odd' },
      {},
    ],
  ],
];

it('the time to read a long text grows with its length only', () => {
  const parts = ['model ', 'token ', 'exceeded your ', 'login session ', 'messages.', 'api error (', '500 ', 'a'];
  for (const part of parts) {
    // A pattern with nested repetitions needs minutes for this, and the test's time limit ends it.
    for (let n = 0; n < 20; n++) causeOfFailure({ text: part.repeat(4_000), status: 400 });
  }
});

it.each(CASES.flatMap(([cause, failures]) => failures.map((failure) => [cause, failure] as const)))(
  'a failed request has the cause %s: %j',
  (cause, failure) => {
    expect(causeOfFailure(failure)).toBe(cause);
  },
);
