import type { Observation } from '../session/observation.js';
import { withoutDepths } from '../util/json-size.js';
import { AnsweringModel } from './answering-model.js';
import { readAuthStatus, readFailedRequest } from './claude-failures.js';
import { UsageWindows } from './claude-limits.js';
import { readNotice } from './claude-notices.js';
import { readResult } from './claude-result.js';
import { MessageUsage } from './claude-usage.js';
import { readUser } from './claude-user.js';
import { blocksOf, isObject, type Json } from './content-blocks.js';
import { isGap } from './copied-log.js';
import { DeniedCalls } from './denied-calls.js';
import { clipped, parentOf, textOf } from './event-fields.js';
import { readMcpServers } from './mcp-servers.js';
import { Prices } from './prices.js';
import { guessWarnings } from './result-cost.js';
import { readPrompt, readQueued, readStop } from './turns.js';

/** Claude's conversation ids. Any other text would be passed to the next `--resume`, and could become an option there. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What Claude Code 2.1.332 writes if another model answers than the one that was asked. */
const FALLBACKS: ReadonlySet<unknown> = new Set(['model_fallback', 'model_refusal_fallback', 'model_consent_fallback']);

/**
 * Translates the stream-json events of one run into observations.
 *
 * The shapes were measured on Claude Code 2.1.98 and 2.1.330. Everything unknown is skipped. Nothing here throws, whatever the
 * log holds, because the agent controls every byte of it.
 */
export class ClaudeEventReader {
  readonly #windows = new UsageWindows();
  readonly #prices: Prices;
  readonly #usage: MessageUsage;
  readonly #model = new AnsweringModel();
  readonly #denied = new DeniedCalls();
  /** Only the first `init` of a run counts, because an agent can write a later one. */
  #initSeen = false;
  readonly #conversationId: string | undefined;

  /** @param conversationId set if the lines come from the transcript of this conversation instead of stream-json */
  constructor(conversationId?: string, prices = new Prices()) {
    this.#conversationId = conversationId;
    this.#prices = prices;
    this.#usage = new MessageUsage(prices);
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
        return this.#readUser(event);
      case 'result':
        this.#usage.clear();
        return [...this.#denied.read(event), ...guessWarnings(event, this.#prices), ...readResult(event, this.#prices)];
      case 'rate_limit_event':
        return this.#windows.read(event);
      case 'auth_status':
        return readAuthStatus(event);
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
    return this.#usage.knows(id) ? this.#usage.read(event.message).usage : [];
  }

  /** In a transcript, messages are as in stream-json. There is no `init` and no `result`, and it holds what a person said. */
  #readTranscriptLine(event: Json, conversationId: string): Observation[] {
    if (isGap(event)) return [{ kind: 'tampered' }];
    if (typeof event.sessionId !== 'string' || !UUID.test(event.sessionId)) return [];
    if (event.type === 'user') return [...readUser(event), ...readPrompt(event)];
    if (event.type === 'attachment') return readQueued(event.attachment);
    if (event.type === 'system') return FALLBACKS.has(event.subtype) ? this.#model.switched(event) : readStop(event);
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
    const { session_id, model, claude_code_version, apiKeySource } = event;
    const isId = typeof session_id === 'string' && (byUser || UUID.test(session_id));
    if (event.subtype === 'init' && !this.#initSeen && isId) {
      this.#initSeen = true;
      this.#model.begins(model);
      return [
        {
          kind: 'init',
          conversationId: session_id,
          ...(typeof model === 'string' && { model: clipped(model) }),
          ...(typeof claude_code_version === 'string' && { claudeVersion: clipped(claude_code_version) }),
          ...(typeof apiKeySource === 'string' && { keySource: clipped(apiKeySource) }),
        },
        ...readMcpServers(event),
      ];
    }
    if (event.subtype === 'init') {
      const further: Observation[] = this.#initSeen ? [{ kind: 'turn-begin' }] : [];
      return [...further, ...readMcpServers(event)]; // A server may have failed since.
    }
    if (FALLBACKS.has(event.subtype)) return this.#model.switched(event);
    return readNotice(event);
  }

  #readUser(event: Json): Observation[] {
    const found = readUser(event);
    this.#denied.observe(found);
    return found;
  }

  #readAssistant(event: Json): Observation[] {
    const message = isObject(event.message) ? event.message : {};
    const parent = parentOf(event);
    const found: Observation[] = [];
    const { first, usage } = this.#usage.read(message);
    found.push(...usage);
    if (parent.parentToolUseId === undefined) found.push(...this.#model.answered(message.model));

    const texts: string[] = [];
    for (const block of blocksOf(message.content)) {
      if (block.type === 'text' && typeof block.text === 'string') texts.push(block.text);
      else if (block.type === 'tool_use' && typeof block.id === 'string' && typeof block.name === 'string') {
        const input = withoutDepths(block.input);
        found.push({ kind: 'tool', id: clipped(block.id), name: clipped(block.name), input, ...parent });
      }
    }
    if (texts.length > 0) found.unshift({ kind: 'message', text: texts.join('\n'), first, ...parent });
    // A message that only calls tools counts as a message. Its text is empty, and no session event is sent for it.
    else if (first && found.some((observation) => observation.kind === 'tool'))
      found.unshift({ kind: 'message', text: '', first, ...parent });

    if (typeof event.error === 'string' || event.isApiErrorMessage === true)
      found.push(...readFailedRequest(event, texts.join('\n') || textOf(event.error)));
    return found;
  }
}
