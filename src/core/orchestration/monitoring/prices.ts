import type { TokenUsage } from '../session/metadata.js';

/** US dollars per million tokens. */
interface Price {
  readonly input: number;
  readonly output: number;
}

/**
 * List prices by model, taken from Claude Code 2.1.98. The first pattern that matches counts. For all models, writing to the
 * cache costs 1.25 times the price of input, and reading from the cache a tenth of it.
 */
const PRICES: readonly (readonly [RegExp, Price])[] = [
  [/opus-4-[5-9]/, { input: 5, output: 25 }],
  [/opus/, { input: 15, output: 75 }],
  [/sonnet/, { input: 3, output: 15 }],
  [/haiku-4/, { input: 1, output: 5 }],
  [/haiku/, { input: 0.8, output: 4 }],
];

/** What tokens cost at list prices, in US dollars; undefined if the model's price is not known. */
export function listPrice(model: string, tokens: TokenUsage): number | undefined {
  const price = PRICES.find(([pattern]) => pattern.test(model))?.[1];
  if (!price) return undefined;
  const { input, output, cacheRead, cacheCreation } = tokens;
  return ((input + 1.25 * cacheCreation + 0.1 * cacheRead) * price.input + output * price.output) / 1_000_000;
}
