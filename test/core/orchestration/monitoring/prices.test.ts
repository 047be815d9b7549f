import { describe, expect, it } from 'vitest';
import { listPrice } from '../../../../src/core/orchestration/monitoring/prices.js';

const MILLION = 1_000_000;
const NONE = { input: 0, output: 0, cacheRead: 0, cacheCreation: 0 };

describe('listPrice', () => {
  it.each([
    ['claude-opus-4-5-20251101', 5, 25],
    ['claude-opus-4-8', 5, 25],
    ['claude-opus-4-1-20250805', 15, 75],
    ['claude-opus-4-20250514', 15, 75],
    ['claude-3-opus-20240229', 15, 75],
    ['claude-sonnet-4-6', 3, 15],
    ['claude-3-5-sonnet-latest', 3, 15],
    ['us.anthropic.claude-sonnet-4-5-v1:0', 3, 15],
    ['claude-haiku-4-5', 1, 5],
    ['claude-3-5-haiku-20241022', 0.8, 4],
  ])('%s: a million tokens of input cost $%s, of output $%s', (model, input, output) => {
    expect(listPrice(model, { ...NONE, input: MILLION })).toBeCloseTo(input, 9);
    expect(listPrice(model, { ...NONE, output: MILLION })).toBeCloseTo(output, 9);
    expect(listPrice(model, { ...NONE, cacheCreation: MILLION })).toBeCloseTo(1.25 * input, 9);
    expect(listPrice(model, { ...NONE, cacheRead: MILLION })).toBeCloseTo(0.1 * input, 9);
  });

  it('adds up the costs of all kinds of tokens', () => {
    const tokens = { input: 1_000, output: 2_000, cacheRead: 30_000, cacheCreation: 4_000 };
    expect(listPrice('claude-sonnet-4-6', tokens)).toBeCloseTo(0.003 + 0.03 + 0.009 + 0.015, 9);
    expect(listPrice('claude-sonnet-4-6', NONE)).toBe(0);
  });

  it.each(['<synthetic>', 'simulated', 'gpt-5', ''])('is undefined for the unknown model %j', (model) => {
    expect(listPrice(model, { ...NONE, input: 1 })).toBeUndefined();
  });
});
