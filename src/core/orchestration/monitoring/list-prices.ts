import type { ModelPrice } from '../session/model-price.js';

/** The prices of a model. */
export interface ListPrice extends Required<ModelPrice> {
  /** For requests whose prompt, cache included, has more tokens than `above`. */
  readonly long?: Required<ModelPrice> & { readonly above: number };
  /** For requests in Claude's fast mode. */
  readonly fast?: Required<ModelPrice>;
}

/** The date of {@link LIST_PRICES}. Keep it, and the list in docs/guide.md, when you change the table. */
export const LIST_PRICES_DATE = '2026-11-29';

/** The prices of a model whose cache costs what it costs for almost all models. */
export function priced({ input, output, ...cache }: ModelPrice): Required<ModelPrice> {
  return { input, output, cacheRead: input / 10, cacheWrite5m: 1.25 * input, cacheWrite1h: 2 * input, ...cache };
}

const HAIKU_5_5_LONG = { above: 100_000, ...priced({ input: 0.5, output: 2.5 }) };
const SONNET_4_5_LONG = { above: 200_000, ...priced({ input: 6, output: 22.5 }) };
const OPUS_4 = priced({ input: 15, output: 75 });
const OPUS = priced({ input: 5, output: 25 });
const FAST_OPUS_4_6 = priced({ input: 30, output: 150 });
const FAST_OPUS_5 = priced({ input: 10, output: 50 });
const SONNET_4 = priced({ input: 3, output: 15 });
const FABLE_5 = priced({ input: 10, output: 50 });
const FABLE_5_1 = priced({ input: 10, output: 50, cacheRead: 0.25 });
const FABLE_5_2 = {
  ...priced({ input: 8, output: 40, cacheRead: 0.2 }),
  fast: priced({ input: 16, output: 80, cacheRead: 0.4 }),
};

/**
 * Anthropic's list prices, in US dollars per million tokens, by the id of the model without date and provider.
 *
 * Source: the model catalogue in Claude Code 2.1.332, because Claude Code computes its own total with it; models that are not in
 * it, and long prompts of Sonnet 4.5, are from `@pydantic/genai-prices` 0.1.8. A test compares the table with that package, so that
 * a newer release of it shows what is missing here. The package itself is no dependency: it prices models that it doesn't know by the
 * beginning of their names, lacks models that are in use, and is sixty times as large.
 */
export const LIST_PRICES: Readonly<Record<string, ListPrice>> = {
  'claude-3-haiku': priced({ input: 0.25, output: 1.25, cacheRead: 0.03, cacheWrite5m: 0.3 }),
  'claude-3-5-haiku': priced({ input: 0.8, output: 4 }),
  'claude-haiku-4-5': priced({ input: 1, output: 5 }),
  'claude-haiku-5-5': { ...priced({ input: 0.1, output: 0.5 }), long: HAIKU_5_5_LONG },
  'claude-3-sonnet': SONNET_4,
  'claude-3-5-sonnet': SONNET_4,
  'claude-3-7-sonnet': SONNET_4,
  'claude-sonnet-4-0': SONNET_4,
  'claude-sonnet-4-5': { ...SONNET_4, long: SONNET_4_5_LONG },
  'claude-sonnet-4-6': SONNET_4,
  'claude-sonnet-5': priced({ input: 2, output: 10 }),
  'claude-sonnet-5-5': priced({ input: 2, output: 10, cacheRead: 0.1 }),
  'claude-3-opus': OPUS_4,
  'claude-opus-4-0': OPUS_4,
  'claude-opus-4-1': OPUS_4,
  'claude-opus-4-5': OPUS,
  'claude-opus-4-6': { ...OPUS, fast: FAST_OPUS_4_6 },
  'claude-opus-4-7': { ...OPUS, fast: FAST_OPUS_4_6 },
  'claude-opus-4-8': { ...OPUS, fast: FAST_OPUS_5 },
  'claude-opus-5': { ...OPUS, fast: FAST_OPUS_5 },
  'claude-opus-5-5': {
    ...priced({ input: 4, output: 20, cacheRead: 0.2 }),
    fast: priced({ input: 8, output: 40, cacheRead: 0.4 }),
  },
  'claude-fable-5': FABLE_5,
  'claude-fable-5-1': FABLE_5_1,
  'claude-fable-5-2': FABLE_5_2,
  'claude-mythos-5': FABLE_5,
  'claude-mythos-5-1': FABLE_5_1,
  'claude-mythos-5-2': FABLE_5_2,
};
