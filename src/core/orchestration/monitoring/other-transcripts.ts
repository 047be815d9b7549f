import { join } from 'node:path';
import { BoundedSearch, SearchLimit } from '../util/fs/bounded-search.js';

/** An agent that makes more of them wants to keep this process busy, or to hide some among the others. */
const MOST_TRANSCRIPTS = 1_000;
/** How many names in the folders are examined in each search. */
const MOST_NAMES = 10_000;
const CONVERSATION = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/;
const SUBAGENT = /^agent-[\w-]{1,100}\.jsonl$/;

export interface TranscriptPlace {
  /** The folder where Claude keeps the transcripts of the workspace. */
  folder: string;
  /** A UUID, never a path. */
  conversationId: string;
  /**
   * True if only this session has conversations in the folder. Then conversations that a person began with `/clear` are copied,
   * too.
   */
  alone: boolean;
}

export interface FoundTranscripts {
  /** Paths inside the folder. Subagents come before the conversation that they work for. */
  names: readonly string[];
  /** True if all transcripts were found. */
  complete: boolean;
}

/** Finds the transcripts that belong to a conversation besides its own. An agent can make any number of files there. */
export class OtherTranscripts {
  readonly #place: TranscriptPlace;
  /** All that were ever found, because an agent can remove them and make others. */
  readonly #known = new Set<string>();

  constructor(place: TranscriptPlace) {
    this.#place = place;
  }

  /** True if a file in the folder is another conversation that belongs to this session. */
  isConversation(name: string): boolean {
    return this.#place.alone && CONVERSATION.test(name);
  }

  /** The transcripts that are there now, within the limits above. */
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
