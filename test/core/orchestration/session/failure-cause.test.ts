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
      { text: 'API Error: 400 This organization has been disabled.', type: 'invalid_request' },
      { text: 'Your ANTHROPIC_API_KEY belongs to a disabled organization', type: 'invalid_request', status: 400 },
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
    ],
  ],
  [
    undefined,
    [
      {
        text: 'API Error: 400 {"error":{"type":"invalid_request_error","message":"messages.500: connection error in text"}}',
      },
      { text: 'API Error: 413 Request body of 529 kB is overloaded', status: 413 },
      { text: 'Something odd' },
      {},
    ],
  ],
];

it.each(CASES.flatMap(([cause, failures]) => failures.map((failure) => [cause, failure] as const)))(
  'a failed request has the cause %s: %j',
  (cause, failure) => {
    expect(causeOfFailure(failure)).toBe(cause);
  },
);
