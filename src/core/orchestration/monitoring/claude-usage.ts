import type { TokenUsage } from '../session/metadata.js';
import { addTokens, NO_TOKENS, type Observation } from '../session/observation.js';
import { isObject, type Json } from './content-blocks.js';
import { clipped, count } from './event-fields.js';
import { listPrice } from './prices.js';

/** How many messages are remembered to recognise repeats. Repeats of a message come close together. */
const REMEMBERED_MESSAGES = 64;

/**
 * Counts the tokens of the messages of one run. Claude repeats a `message.id` in several events, one for each content block, so
 * messages are remembered, to count each message and its tokens once.
 */
export class MessageUsage {
  /** message.id → the tokens that were counted for it so far */
  readonly #seen = new Map<string, TokenUsage>();

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
    const { first, added } = this.#count(message);
    if (!added) return { first, usage: [] };
    const costUsd = typeof message.model === 'string' ? listPrice(message.model, added) : undefined;
    return { first, usage: [{ kind: 'usage', added, ...(costUsd !== undefined && { costUsd }) }] };
  }

  #count(message: Json): { first: boolean; added?: TokenUsage } {
    const id = typeof message.id === 'string' ? clipped(message.id) : undefined;
    const usage = readUsage(message.usage);
    if (id === undefined) return usage ? { first: true, added: usage } : { first: true };
    const before = this.#seen.get(id);
    const counted = usage ? largest(before ?? NO_TOKENS, usage) : (before ?? NO_TOKENS);
    this.#seen.set(id, counted);
    if (before === undefined && this.#seen.size > REMEMBERED_MESSAGES) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    const added = addTokens(counted, negative(before ?? NO_TOKENS));
    const isNew = before === undefined;
    return added.input || added.output || added.cacheRead || added.cacheCreation
      ? { first: isNew, added }
      : { first: isNew };
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

/** The larger of each count. A repeated event may carry a newer, larger total; a smaller one says nothing. */
function largest(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    input: Math.max(a.input, b.input),
    output: Math.max(a.output, b.output),
    cacheRead: Math.max(a.cacheRead, b.cacheRead),
    cacheCreation: Math.max(a.cacheCreation, b.cacheCreation),
  };
}

function negative(tokens: TokenUsage): TokenUsage {
  return {
    input: -tokens.input,
    output: -tokens.output,
    cacheRead: -tokens.cacheRead,
    cacheCreation: -tokens.cacheCreation,
  };
}
