/** What the tokens of a model cost, in US dollars per million tokens. Each is a number from 0 on. */
export interface ModelPrice {
  input: number;
  output: number;
  /** What is read from the cache. Default: a tenth of `input`. */
  cacheRead?: number;
  /** What is written to the cache for five minutes. Default: 1.25 times `input`. */
  cacheWrite5m?: number;
  /** What is written to the cache for an hour. Default: twice `input`. */
  cacheWrite1h?: number;
}

const REQUIRED = ['input', 'output'] as const;
const KINDS = [
  ...REQUIRED,
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
] as const satisfies readonly (keyof ModelPrice)[];
/** No price is nearly as high. With larger numbers, sums would become infinite. */
const MOST_USD = 1_000_000;

/** What is wrong with a value that is to be {@link ModelPrices}, and where. Undefined if it is right. */
export function priceProblem(prices: unknown): { path: string[]; message: string } | undefined {
  if (!isRecord(prices)) return { path: [], message: `must be an object: for each model's id ${EXAMPLE}` };
  for (const [model, price] of Object.entries(prices)) {
    if (!isRecord(price)) return { path: [model], message: `must be an object like ${EXAMPLE}` };
    const unknown = Object.keys(price).find((key) => !(KINDS as readonly string[]).includes(key));
    if (unknown !== undefined) return { path: [model, unknown], message: `is unknown; known are ${KINDS.join(', ')}` };
    for (const kind of KINDS) {
      const usd = price[kind];
      if (usd === undefined && !(REQUIRED as readonly string[]).includes(kind)) continue;
      if (typeof usd === 'number' && usd >= 0 && usd <= MOST_USD) continue;
      const message = `must be a number from 0 to ${MOST_USD}: US dollars per million tokens`;
      return { path: [model, kind], message };
    }
  }
  return undefined;
}

const EXAMPLE = '{ input: 3, output: 15 }, in US dollars per million tokens';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Prices by the model's id. */
export type ModelPrices = Readonly<Record<string, ModelPrice>>;

/**
 * What is known of a cost while the price of a model is not known.
 *
 * A model is unknown if neither the library's table nor the option `prices` lists exactly this version of it: the price of another
 * version says nothing.
 */
export interface UnpricedUsage {
  /** The models whose prices are not known; at most 10. Agent-controlled text: show it as text only. */
  readonly models: readonly string[];
  /** What the other models cost, in US dollars. The whole cost is at least this. */
  readonly atLeastUsd: number;
}
