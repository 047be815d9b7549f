import { join } from 'node:path';
import { BoundedSearch, SearchLimit } from '../util/fs/bounded-search.js';

/** More of them were made to keep the host busy, or to hide others among them. */
const MOST_TRANSCRIPTS = 1_000;
/** What is looked through for them each time, in names. */
const MOST_NAMES = 10_000;
const CONVERSATION = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/;
const SUBAGENT = /^agent-[\w-]{1,100}\.jsonl$/;

export interface TranscriptPlace {
  /** Where Claude keeps the transcripts of the workspace. */
  folder: string;
  /** A UUID, never a path. */
  conversationId: string;
  /** Whether nobody else's conversations are in the folder: then those are copied, too, which a person begins with `/clear`. */
  alone: boolean;
}

export interface FoundTranscripts {
  /** In the folder; those of subagents before the conversation which these work for. */
  names: readonly string[];
  /** Whether these are all. */
  complete: boolean;
}

/** What belongs to a conversation besides its own transcript. The agent can make any number of files there. */
export class OtherTranscripts {
  readonly #place: TranscriptPlace;
  /** Every one that was ever found: an agent can take them away again. */
  readonly #known = new Set<string>();

  constructor(place: TranscriptPlace) {
    this.#place = place;
  }

  /** Whether a name in the folder is that of another conversation that belongs to it. */
  isConversation(name: string): boolean {
    return this.#place.alone && CONVERSATION.test(name);
  }

  /** Those that are there now, up to the limits above. */
  async find(): Promise<FoundTranscripts> {
    const names: string[] = [];
    try {
      for await (const name of this.#candidates()) {
        if (this.#known.size >= MOST_TRANSCRIPTS && !this.#known.has(name)) return { names, complete: false };
        this.#known.add(name);
        names.push(name);
      }
      return { names, complete: true };
    } catch (error) {
      if (error instanceof SearchLimit) return { names, complete: false };
      throw error;
    }
  }

  /** @throws SearchLimit */
  async *#candidates(): AsyncGenerator<string> {
    const { folder, conversationId, alone } = this.#place;
    const limits = { entries: MOST_NAMES, repositories: 0, durationMs: Number.POSITIVE_INFINITY };
    const search = new BoundedSearch(limits);
    const inFolder = alone ? await search.entries(folder) : [];
    const others = inFolder.flatMap(({ name }) => CONVERSATION.exec(name)?.[1] ?? []);
    for (const id of [conversationId, ...others.filter((other) => other !== conversationId)]) {
      const subagents = await search.entries(join(folder, id, 'subagents'));
      for (const { name } of subagents) if (SUBAGENT.test(name)) yield join(id, 'subagents', name);
      if (id !== conversationId) yield `${id}.jsonl`;
    }
  }
}
