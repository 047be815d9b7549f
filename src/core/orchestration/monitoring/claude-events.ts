import { classifyError } from '../session/error-classifier.js';
import type { TokenUsage } from '../session/metadata.js';
import { addTokens, NO_TOKENS, type Observation } from '../session/observation.js';
import { NAME_LENGTH, truncate } from '../util/text.js';
import { blocksOf, isObject, type Json } from './content-blocks.js';
import { isGap } from './copied-log.js';
import { listPrice } from './prices.js';
import { readPrompt, readQueued, readStop } from './turns.js';

/** How many messages are remembered to recognise repeats. Repeats of a message come close together. */
const REMEMBERED_MESSAGES = 64;

/** Claude's conversation ids. Any other text would be passed to the next `--resume`, and could become an option there. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Translates the stream-json events of one run into observations. Claude repeats a `message.id` in several events, one for each
 * content block, so the reader remembers messages to count each message and its tokens once.
 *
 * The shapes were measured on Claude Code 2.1.98 and 2.1.330. Everything unknown is skipped. Nothing here throws, whatever the
 * log holds, because the agent controls every byte of it.
 */
export class ClaudeEventReader {
  /** message.id → the tokens that were counted for it so far */
  readonly #seen = new Map<string, TokenUsage>();
  /** Only the first `init` of a run counts, because an agent can write a later one. */
  #initSeen = false;
  readonly #conversationId: string | undefined;

  /** @param conversationId set if the lines come from the transcript of this conversation instead of stream-json */
  constructor(conversationId?: string) {
    this.#conversationId = conversationId;
  }

  /** @param byUser true if the user's own code reports the event, and not an agent; any text is then a conversation id */
  read(event: unknown, byUser = false): Observation[] {
    if (!isObject(event)) return [];
    if (this.#conversationId !== undefined) return this.#readTranscriptLine(event, this.#conversationId);
    switch (event.type) {
      case 'system':
        return this.#readSystem(event, byUser);
      case 'assistant':
        return this.#readAssistant(event);
      case 'user':
        return readUser(event);
      case 'result':
        this.#seen.clear();
        return readResult(event);
      case 'rate_limit_event':
        return readRateLimit(event);
      default:
        return [];
    }
  }

  /**
   * Reads the usage from a line of the conversation's transcript, and nothing else. The log has the usage at the beginning of a
   * message (one token of output), and the transcript the usage at its end. The transcript only refines messages that the log of
   * this run holds and that Claude's own totals do not hold yet.
   */
  readTranscript(event: unknown): Observation[] {
    if (!isObject(event) || event.type !== 'assistant' || !isObject(event.message)) return [];
    const { id } = event.message;
    return typeof id === 'string' && this.#seen.has(clipped(id)) ? this.#readUsage(event.message).usage : [];
  }

  /** In a transcript, messages are as in stream-json. There is no `init` and no `result`, and it holds what a person said. */
  #readTranscriptLine(event: Json, conversationId: string): Observation[] {
    if (isGap(event)) return [{ kind: 'tampered' }];
    if (typeof event.sessionId !== 'string' || !UUID.test(event.sessionId)) return [];
    if (event.type === 'user') return [...readUser(event), ...readPrompt(event)];
    if (event.type === 'attachment') return readQueued(event.attachment);
    if (event.type === 'system') return readStop(event);
    if (event.type !== 'assistant') return [];
    const { version, message, isSidechain } = event;
    // Subagents, and conversations that were begun with `/clear`, have files of their own. The log has their lines, too.
    if (isSidechain === true) return this.#readAssistant(event);
    const model = isObject(message) ? message.model : undefined;
    const init: Observation[] =
      this.#initSeen || event.sessionId !== conversationId
        ? []
        : [
            {
              kind: 'init',
              conversationId,
              ...(typeof model === 'string' && { model: clipped(model) }),
              ...(typeof version === 'string' && { claudeVersion: clipped(version) }),
            },
          ];
    if (init.length > 0) this.#initSeen = true;
    // If a request fails for good, the turn ends, and a hook reports that as well.
    const failed: Observation[] = event.isApiErrorMessage === true ? [{ kind: 'turn-end', hooked: true }] : [];
    return [...init, ...this.#readAssistant(event), ...failed];
  }

  #readSystem(event: Json, byUser: boolean): Observation[] {
    const { session_id, model, claude_code_version } = event;
    const isId = typeof session_id === 'string' && (byUser || UUID.test(session_id));
    if (event.subtype === 'init' && !this.#initSeen && isId) {
      this.#initSeen = true;
      return [
        {
          kind: 'init',
          conversationId: session_id,
          ...(typeof model === 'string' && { model: clipped(model) }),
          ...(typeof claude_code_version === 'string' && { claudeVersion: clipped(claude_code_version) }),
        },
      ];
    }
    if (event.subtype === 'api_retry') {
      // Claude tries again for minutes, even if that is useless. A refused login is known at the first attempt.
      const why = clipped(String(primitiveOf(event.error) ?? primitiveOf(event.error_status) ?? 'unknown error'));
      const { code, severity } = classifyError(why, 'api');
      const known = code === 'api_error' ? { code: 'retry', severity } : { code, severity };
      return [{ kind: 'error', ...known, message: `The request is tried again: ${why}` }];
    }
    return [];
  }

  #readAssistant(event: Json): Observation[] {
    const message = isObject(event.message) ? event.message : {};
    const parent = parentOf(event);
    const found: Observation[] = [];
    const { first, usage } = this.#readUsage(message);
    found.push(...usage);

    const texts: string[] = [];
    for (const block of blocksOf(message.content)) {
      if (block.type === 'text' && typeof block.text === 'string') texts.push(block.text);
      else if (block.type === 'tool_use' && typeof block.id === 'string' && typeof block.name === 'string')
        found.push({ kind: 'tool', id: clipped(block.id), name: clipped(block.name), input: block.input, ...parent });
    }
    if (texts.length > 0) found.unshift({ kind: 'message', text: texts.join('\n'), first, ...parent });
    // A message that only calls tools counts as a message. Its text is empty, and no session event is sent for it.
    else if (first && found.some((observation) => observation.kind === 'tool'))
      found.unshift({ kind: 'message', text: '', first, ...parent });

    // Claude reports a failed request as a message of a model that does not exist, "<synthetic>".
    if (typeof event.error === 'string' || event.isApiErrorMessage === true) {
      const text = texts.join('\n') || textOf(event.error);
      found.push({ kind: 'error', ...classifyError(text, 'api') });
    }
    return found;
  }

  #readUsage(message: Json): { first: boolean; usage: Observation[] } {
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

function readUser(event: Json): Observation[] {
  const message = isObject(event.message) ? event.message : {};
  const found: Observation[] = [];
  for (const block of blocksOf(message.content)) {
    if (block.type !== 'tool_result' || typeof block.tool_use_id !== 'string') continue;
    const output = textOf(block.content);
    const failed = block.is_error === true;
    const toolUseId = clipped(block.tool_use_id);
    const denied = failed && isDenial(output);
    found.push({ kind: 'tool-result', toolUseId, outcome: denied ? 'denied' : failed ? 'error' : 'ok', output });
    // A refusal stays a refusal, even if its message reads like another error.
    const refusal = denied ? { severity: 'warning' as const, code: 'denied' } : {};
    if (failed) found.push({ kind: 'error', ...classifyError(output, 'tool'), ...refusal, toolUseId });
  }
  return found;
}

function readResult(event: Json): Observation[] {
  const subtype = typeof event.subtype === 'string' ? event.subtype : 'unknown';
  const isError = event.is_error === true || subtype !== 'success';
  const errors = Array.isArray(event.errors) ? event.errors.filter((entry) => typeof entry === 'string') : [];
  const text = typeof event.result === 'string' ? event.result : errors.length > 0 ? errors.join('\n') : undefined;
  const tokens = readModelUsage(event.modelUsage) ?? readUsage(event.usage);
  return [
    {
      kind: 'result',
      subtype,
      isError,
      ...(text !== undefined && { text }),
      ...(isCount(event.num_turns) && { turns: event.num_turns }),
      ...(isCount(event.total_cost_usd) && { costUsd: event.total_cost_usd }),
      ...(tokens && { tokens }),
    },
  ];
}

/** Only subscriptions have this event. Its time is in seconds. */
function readRateLimit({ rate_limit_info: info }: Json): Observation[] {
  if (!isObject(info) || info.status !== 'rejected') return [];
  return [{ kind: 'usage-limit', ...(isCount(info.resetsAt) && { resetsAt: info.resetsAt * 1000 }) }];
}

function readUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined;
  return {
    input: count(usage.input_tokens),
    output: count(usage.output_tokens),
    cacheRead: count(usage.cache_read_input_tokens),
    cacheCreation: count(usage.cache_creation_input_tokens),
  };
}

/** The totals of all models, subagents included. They are more complete than `usage`. */
function readModelUsage(byModel: unknown): TokenUsage | undefined {
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

/** The words of Claude Code 2.1.98 for a call that was not allowed. */
const DENIAL =
  /^(Permission to use .+ has been denied|Claude requested permissions to |The user doesn't want to |This command requires approval)|was blocked\. For security, Claude Code /;

function isDenial(output: string): boolean {
  return DENIAL.test(output.slice(0, 500));
}

/** What marks the events of a subagent: the tool call that started it, and in a transcript the subagent's own id. */
function parentOf({ parent_tool_use_id, isSidechain, agentId }: Json): { parentToolUseId?: string } {
  const parent = isSidechain === true ? agentId : parent_tool_use_id;
  return typeof parent === 'string' ? { parentToolUseId: clipped(parent) } : {};
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return blocksOf(content)
    .map((block) => (typeof block.text === 'string' ? block.text : `[${String(primitiveOf(block.type))}]`))
    .join('\n');
}

/** Cuts names and ids, because they stay in records. */
function clipped(text: string): string {
  return truncate(text, NAME_LENGTH);
}

/** The value, if it is no object: `String()` throws for an object whose `toString` is not a function. */
function primitiveOf(value: unknown): unknown {
  return typeof value === 'object' ? undefined : value;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function count(value: unknown): number {
  return isCount(value) ? value : 0;
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
