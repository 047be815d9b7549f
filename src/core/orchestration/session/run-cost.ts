import { detachString, singleLine } from '../util/text.js';
import type { SessionMetadata } from './metadata.js';
import type { UnpricedUsage } from './model-price.js';
import { NO_TOKENS, totalTokens } from './observation.js';
import type { UnifiedSession } from './record.js';
import type { CountedUse, SessionRun } from './run.js';

/** What is known of a cost. Nothing is set as long as nothing was spent. */
export type KnownCost = Pick<SessionMetadata, 'costUsd' | 'unpriced'>;

/** How many models without a price are named. An agent can write any number of names into its log. */
const NAMED = 10;
const ROUNDING_USD = 1e-9;

/** What a session or a run has cost at least, in US dollars. */
export function leastCost({ costUsd, unpriced }: KnownCost): number {
  return costUsd ?? unpriced?.atLeastUsd ?? 0;
}

/**
 * A run that has spent more. If the price of a model is not known, the cost of the whole run isn't known either.
 *
 * @param spent what a message cost, or its model if the price of that is not known
 */
export function withCost(
  run: SessionRun,
  spent: { readonly costUsd?: number; readonly unpriced?: string },
): SessionRun {
  if (spent.costUsd === undefined && spent.unpriced === undefined) return run;
  const usd = leastCost(run) + (spent.costUsd ?? 0);
  if (run.unpriced === undefined && spent.unpriced === undefined) return { ...run, costUsd: usd };
  const { costUsd: _, unpriced, ...rest } = run;
  return { ...rest, unpriced: unpricedUsage([...(unpriced?.models ?? []), ...names(spent.unpriced)], usd) };
}

/** A run whose cost Claude has reported. */
export function withWholeCost(run: SessionRun, costUsd: number): SessionRun {
  const { unpriced: _, ...rest } = run;
  return { ...rest, costUsd };
}

/**
 * What counts for the limits of a session: for each run the larger of our own count and what Claude reported. An agent can write a
 * report that is too low.
 */
export function countedUse({ runs, metadata }: Pick<UnifiedSession, 'runs' | 'metadata'>): CountedUse {
  const uses = runs.map(spentIn);
  return {
    // The runs of an earlier release may have no totals of their own.
    costUsd: Math.max(leastCost(metadata), sum(uses.map(({ costUsd }) => costUsd))),
    tokens: Math.max(totalTokens(metadata.tokens ?? NO_TOKENS), sum(uses.map(({ tokens }) => tokens))),
  };
}

/** A run with the totals that Claude reported. Our own count is kept beside them if it is higher. */
export function withReport(before: SessionRun, { counted: _, ...reported }: SessionRun): SessionRun {
  const use = spentIn(before);
  const { costUsd, tokens } = spentIn(reported);
  // Sums of many costs need not agree in their last digits.
  return use.costUsd > costUsd + ROUNDING_USD || use.tokens > tokens
    ? { ...reported, counted: Object.freeze(use) }
    : reported;
}

/** What a run has spent for its limits, if a message has been added to it. */
export function addCounted(
  counted: CountedUse | undefined,
  { costUsd = 0, tokens }: { readonly costUsd?: number; readonly tokens: number },
): Pick<SessionRun, 'counted'> {
  if (!counted) return {};
  return { counted: Object.freeze({ costUsd: counted.costUsd + costUsd, tokens: counted.tokens + tokens }) };
}

function spentIn({ counted, tokens = NO_TOKENS, ...cost }: SessionRun): CountedUse {
  return {
    costUsd: Math.max(counted?.costUsd ?? 0, leastCost(cost)),
    tokens: Math.max(counted?.tokens ?? 0, totalTokens(tokens)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** What all runs of a session cost together. */
export function costOfRuns(runs: readonly SessionRun[]): KnownCost {
  const unknown = runs.flatMap(({ unpriced }) => unpriced ?? []);
  const least = runs.reduce((total, run) => total + leastCost(run), 0);
  if (unknown.length > 0)
    return {
      unpriced: unpricedUsage(
        unknown.flatMap(({ models }) => models),
        least,
      ),
    };
  return runs.some(({ costUsd }) => costUsd !== undefined) ? { costUsd: least } : {};
}

function unpricedUsage(models: readonly string[], atLeastUsd: number): UnpricedUsage {
  return Object.freeze({ models: Object.freeze([...new Set(models)].slice(0, NAMED)), atLeastUsd });
}

function names(model: string | undefined): string[] {
  return model === undefined ? [] : [detachString(singleLine(model))];
}
