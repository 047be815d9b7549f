import { expect, it } from 'vitest';
import { saidReset } from '../../../../src/core/orchestration/session/said-reset.js';

it.each([
  ['Claude AI usage limit reached|1735689600', 1_735_689_600_000],
  ['5-hour limit reached|1735689600', 1_735_689_600_000],
  ['Claude AI usage limit reached|1735689600123', 1_735_689_600_123],
  ['Claude AI usage limit reached', undefined],
  ['Claude AI usage limit reached|173568960012', undefined],
  ['Claude AI usage limit reached|17356896001234', undefined],
  ['a|1735689600', undefined],
  [`${'x'.repeat(4_000)} limit reached|1735689600`, undefined],
])('the reset that an error names in words: %s', (text, resetsAt) => {
  expect(saidReset(text)).toBe(resetsAt);
});
