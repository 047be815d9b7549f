import type { TokenUsage } from '../session/metadata.js';
import type { ModelPrice, ModelPrices } from '../session/model-price.js';
import { type Observation, totalTokens } from '../session/observation.js';
import { quote } from '../util/errors.js';
import { LIST_PRICES, type ListPrice, priced } from './list-prices.js';
import { plainModelId } from './model-id.js';

/** The tokens of a request, and what decides on their price. */
export interface PricedTokens extends TokenUsage {
  /** The part of `cacheCreation` that stays in the cache for an hour. The rest stays for five minutes. */
  readonly cacheCreation1h: number;
}

/** How a request was made, as far as it decides on the price. */
export interface RequestKind {
  /** How many tokens the whole prompt has, cache included. */
  readonly promptTokens: number;
  /** Claude's fast mode. */
  readonly fast: boolean;
  /** The request was to be answered within the United States. */
  readonly usOnly: boolean;
}

const MILLION = 1_000_000;
/** Anthropic's surcharge for requests that are answered within the United States (`inference_geo`). */
const US_ONLY = 1.1;
/** How many models are remembered. An agent can write any number of names into its log. */
const REMEMBERED = 64;

/** What the tokens of models cost: at the user's own prices, otherwise at list prices. */
export class Prices {
  readonly #own: ReadonlyMap<string, ListPrice>;
  readonly #found = new Map<string, ListPrice | undefined>();

  /** @param own the option `prices` */
  constructor(own: ModelPrices = {}) {
    const entries = Object.entries(own).map(([id, price]) => [id, priced(price)] as const);
    // A price for an id as the log writes it outweighs one for the model behind it.
    this.#own = new Map([...entries.map(([id, price]) => [plainModelId(id), price] as const), ...entries]);
  }

  /** True if the user has given the model's price. */
  isOwn(model: string): boolean {
    return this.#own.has(model) || this.#own.has(plainModelId(model));
  }

  /**
   * What tokens cost, in US dollars. Undefined if the price of exactly this version of the model is not known. The surcharges of
   * Bedrock and Vertex for regional endpoints, and fees of tools (web search), are not known here.
   */
  costOf(model: string, tokens: PricedTokens, { promptTokens, fast, usOnly }: RequestKind): number | undefined {
    if (totalTokens(tokens) === 0) return 0;
    const listed = this.#priceOf(model);
    const price = fast && !this.isOwn(model) ? listed?.fast : listed;
    if (!listed || !price) return undefined;
    const { long } = listed;
    const usd = sum(long && !fast && promptTokens > long.above ? long : price, tokens);
    return usOnly && !this.isOwn(model) ? usd * US_ONLY : usd;
  }

  #priceOf(model: string): ListPrice | undefined {
    if (this.#found.has(model)) return this.#found.get(model);
    if (this.#found.size >= REMEMBERED) this.#found.clear();
    const id = plainModelId(model);
    const price =
      this.#own.get(model) ?? this.#own.get(id) ?? (Object.hasOwn(LIST_PRICES, id) ? LIST_PRICES[id] : undefined);
    this.#found.set(model, price);
    return price;
  }
}

function sum(price: Required<ModelPrice>, tokens: PricedTokens): number {
  const { input, output, cacheRead, cacheCreation, cacheCreation1h } = tokens;
  return (
    (input * price.input +
      output * price.output +
      cacheRead * price.cacheRead +
      (cacheCreation - cacheCreation1h) * price.cacheWrite5m +
      cacheCreation1h * price.cacheWrite1h) /
    MILLION
  );
}

/**
 * Warnings about models whose prices are not known, so that a limit of the cost cannot be held.
 *
 * @param told the errors that are on record: what these say is not said again
 */
export function priceWarnings(
  observations: readonly Observation[],
  mostUsd: number,
  told: readonly { readonly message: string }[] = [],
): Observation[] {
  return observations.flatMap((observation): Observation[] => {
    if (observation.kind !== 'usage' || observation.unpriced === undefined) return [];
    const message = `The price of the model ${quote(observation.unpriced)} is not known, so limits.costUsd ($${mostUsd}) cannot be held for it before Claude reports what the run cost.`;
    if (told.some((error) => error.message === message)) return [];
    return [{ kind: 'error', severity: 'warning', code: 'price_unknown', message }];
  });
}
