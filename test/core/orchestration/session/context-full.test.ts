import { expect, it } from 'vitest';
import { causeOfFailure } from '../../../../src/core/orchestration/session/failure-cause.js';

it.each([
  'Prompt is too long',
  'API Error: 400 {"message":"prompt is too long: 250000 tokens > 200000 maximum"}',
  'input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000',
  'API Error: 400 {"type":"validation_error","message":"Input is too long for requested model."}',
  "This model's maximum context length is 128000 tokens. However, you requested 130000 tokens",
  'The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).',
  'API Error: The model has reached its context window limit.',
  'context_length_exceeded',
  'Request too large (max 20MB). Try with a smaller file.',
])('providers say in many words that the conversation is too long: %s', (text) => {
  expect(causeOfFailure({ text, type: 'invalid_request', status: 400 })).toBe('context_full');
});

it.each(['I read 500 lines of the file.', 'API Error: 400 messages.3: tool_use ids must be unique', ''])(
  'other words do not say so: %s',
  (text) => {
    expect(causeOfFailure({ text })).toBeUndefined();
  },
);
