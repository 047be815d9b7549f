import { detachString, singleLine } from '../util/text.js';
import type { SessionMetadata } from './metadata.js';
import type { UnpricedUsage } from './model-price.js';
import type { SessionRun } from './run.js';

/** What is known of a cost. Nothing is set as long as nothing was spent. */
export type KnownCost = Pick<SessionMetadata, 'costUsd' | 'unpriced'>;

/** How many models without a price are named. An agent can write any number of names into its log. */
const NAMED = 10;

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
  const { costUsd: _, unpriced, ...rest } = run;
  const usd = leastCost(run) + (spent.costUsd ?? 0);
  if (unpriced === undefined && spent.unpriced === undefined) return { ...rest, costUsd: usd };
  return { ...rest, unpriced: unpricedUsage([...(unpriced?.models ?? []), ...names(spent.unpriced)], usd) };
}

/** A run whose cost Claude has reported. */
export function withWholeCost(run: SessionRun, costUsd: number): SessionRun {
  const { unpriced: _, ...rest } = run;
  return { ...rest, costUsd };
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
