import type { Observation } from '../session/observation.js';
import { quote } from '../util/errors.js';
import { isObject, type Json } from './content-blocks.js';
import { clipped, count, isCount } from './event-fields.js';
import type { Prices } from './prices.js';

/** A run uses a handful of models. More were made to keep this process busy. */
const MOST_MODELS = 100;
/** Claude's totals do not say how the requests were made. */
const USUAL = { promptTokens: 0, fast: false, usOnly: false } as const;

/**
 * What a run cost in all: Claude's own total. Claude Code does not know the user's prices, so they replace its own in the total.
 * Undefined if there is no total.
 */
export function totalCost(event: Json, prices: Prices): number | undefined {
  if (!isCount(event.total_cost_usd)) return undefined;
  let total = event.total_cost_usd;
  for (const { model, usage, isGuess } of modelsOf(event)) {
    if (!isCount(usage.costUSD) || !(isGuess || prices.isOwn(model))) continue;
    total += (ownCost(model, usage, prices) ?? usage.costUSD) - usage.costUSD;
  }
  return Math.max(0, total);
}

/** Warnings about models whose prices nobody knows: for these, Claude's total holds a guess (Claude Code 2.1.332, `costBasis`). */
export function guessWarnings(event: Json, prices: Prices): Observation[] {
  return modelsOf(event).flatMap(({ model, usage, isGuess }): Observation[] => {
    if (!isGuess || ownCost(model, usage, prices) !== undefined) return [];
    const message = `The price of the model ${quote(model)} is not known to Claude Code either, so the cost that it reports is a guess.`;
    return [{ kind: 'error', severity: 'warning', code: 'price_unknown', message }];
  });
}

function ownCost(model: string, usage: Json, prices: Prices): number | undefined {
  const cacheCreation = count(usage.cacheCreationInputTokens);
  const tokens = {
    input: count(usage.inputTokens),
    output: count(usage.outputTokens),
    cacheRead: count(usage.cacheReadInputTokens),
    cacheCreation,
    cacheCreation1h: Math.min(cacheCreation, count(usage.cacheCreationEphemeral1hInputTokens)),
  };
  return prices.costOf(model, tokens, USUAL);
}

function modelsOf({ modelUsage }: Json): { model: string; usage: Json; isGuess: boolean }[] {
  if (!isObject(modelUsage)) return [];
  return Object.entries(modelUsage)
    .slice(0, MOST_MODELS)
    .flatMap(([model, usage]) =>
      isObject(usage) ? [{ model: clipped(model), usage, isGuess: usage.costBasis === 'unknown' }] : [],
    );
}
