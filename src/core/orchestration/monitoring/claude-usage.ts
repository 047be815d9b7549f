import type { TokenUsage } from '../session/metadata.js';
import { addTokens, NO_TOKENS, type Observation } from '../session/observation.js';
import { forgetOldest } from '../util/forget-oldest.js';
import { isObject, type Json } from './content-blocks.js';
import { clipped, count } from './event-fields.js';
import { SIMULATED_MODEL } from './model-id.js';
import type { PricedTokens, Prices, RequestKind } from './prices.js';

/** How many messages are remembered to recognise repeats. Repeats of a message come close together. */
const REMEMBERED_MESSAGES = 64;

const NONE: PricedTokens = { ...NO_TOKENS, cacheCreation1h: 0 };

/**
 * Counts the tokens of the messages of one run. Claude repeats a `message.id` in several events, one for each content block, so
 * messages are remembered, to count each message and its tokens once.
 */
export class MessageUsage {
  readonly #prices: Prices;
  /** message.id → the tokens that were counted for it so far */
  readonly #seen = new Map<string, PricedTokens>();

  constructor(prices: Prices) {
    this.#prices = prices;
  }

  /** True if the message was counted, and Claude's own totals do not hold it yet. */
  knows(id: unknown): boolean {
    return typeof id === 'string' && this.#seen.has(clipped(id));
  }

  /** Called when Claude has reported its own totals. */
  clear(): void {
    this.#seen.clear();
  }

  /** Counts a message. `first` is false for a further part of a message that is already counted. */
  read(message: Json): { first: boolean; usage: Observation[] } {
    const usage = isObject(message.usage) ? message.usage : undefined;
    const { first, added, counted } = this.#count(message.id, usage && pricedTokens(usage));
    if (!added) return { first, usage: [] };
    const model = typeof message.model === 'string' ? clipped(message.model) : 'unknown';
    const costUsd = this.#prices.costOf(model, added, kindOf(usage ?? {}, counted));
    const { cacheCreation1h: _, ...tokens } = added;
    const cost = costUsd !== undefined ? { costUsd } : model === SIMULATED_MODEL ? {} : { unpriced: model };
    return { first, usage: [{ kind: 'usage', added: tokens, ...cost }] };
  }

  #count(
    messageId: unknown,
    usage: PricedTokens | undefined,
  ): { first: boolean; added?: PricedTokens; counted: PricedTokens } {
    if (typeof messageId !== 'string') return { first: true, counted: usage ?? NONE, ...(usage && { added: usage }) };
    const id = clipped(messageId);
    const before = this.#seen.get(id);
    const counted = usage ? largest(before ?? NONE, usage) : (before ?? NONE);
    this.#seen.set(id, counted);
    forgetOldest(this.#seen, REMEMBERED_MESSAGES);
    const added = difference(counted, before ?? NONE);
    const isNew = before === undefined;
    return added.input || added.output || added.cacheRead || added.cacheCreation
      ? { first: isNew, added, counted }
      : { first: isNew, counted };
  }
}

/** The tokens of one message, if the value tells them. */
export function readUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined;
  return {
    input: count(usage.input_tokens),
    output: count(usage.output_tokens),
    cacheRead: count(usage.cache_read_input_tokens),
    cacheCreation: count(usage.cache_creation_input_tokens),
  };
}

/** The totals of all models, subagents included. They are more complete than `usage`. */
export function readModelUsage(byModel: unknown): TokenUsage | undefined {
  if (!isObject(byModel)) return undefined;
  let total: TokenUsage | undefined;
  for (const usage of Object.values(byModel)) {
    if (!isObject(usage)) continue;
    total = addTokens(total ?? NO_TOKENS, {
      input: count(usage.inputTokens),
      output: count(usage.outputTokens),
      cacheRead: count(usage.cacheReadInputTokens),
      cacheCreation: count(usage.cacheCreationInputTokens),
    });
  }
  return total;
}

/** If a message does not say how long what it wrote stays in the cache, it is five minutes. */
function pricedTokens(usage: Json): PricedTokens {
  const input = count(usage.input_tokens);
  const output = count(usage.output_tokens);
  const cacheRead = count(usage.cache_read_input_tokens);
  const cacheCreation = count(usage.cache_creation_input_tokens);
  const { cache_creation: byLifetime } = usage;
  const anHour = isObject(byLifetime) ? count(byLifetime.ephemeral_1h_input_tokens) : 0;
  return { input, output, cacheRead, cacheCreation, cacheCreation1h: Math.min(anHour, cacheCreation) };
}

function kindOf(usage: Json, { input, cacheRead, cacheCreation }: TokenUsage): RequestKind {
  const promptTokens = input + cacheRead + cacheCreation;
  return { promptTokens, fast: usage.speed === 'fast', usOnly: usage.inference_geo === 'us' };
}

/** The larger of each count. A repeated event may carry a newer, larger total; a smaller one says nothing. */
function largest(a: PricedTokens, b: PricedTokens): PricedTokens {
  return {
    input: Math.max(a.input, b.input),
    output: Math.max(a.output, b.output),
    cacheRead: Math.max(a.cacheRead, b.cacheRead),
    cacheCreation: Math.max(a.cacheCreation, b.cacheCreation),
    cacheCreation1h: Math.max(a.cacheCreation1h, b.cacheCreation1h),
  };
}

function difference(a: PricedTokens, b: PricedTokens): PricedTokens {
  return {
    input: a.input - b.input,
    output: a.output - b.output,
    cacheRead: a.cacheRead - b.cacheRead,
    cacheCreation: a.cacheCreation - b.cacheCreation,
    cacheCreation1h: a.cacheCreation1h - b.cacheCreation1h,
  };
}
