import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunHooks } from '../../contract/run-hooks.js';

/** The transcript tells of a turn's end about 100 ms after the hook. A Claude that does not tell is believed by then. */
const TRANSCRIPT_MS = 1_500;

export interface TypingOptions {
  conversationId: string;
  /** Whether the agent waits for a person already. */
  waits: boolean;
  /** Types a text into the terminal and submits it. */
  type: (text: string) => Promise<void>;
  /** How long the transcript may take to tell of a turn's end that a hook has told of; default 1,500 ms. */
  transcriptMs?: number;
}

export interface TypingHooks extends RunHooks {
  /**
   * The transcript tells that the agent has ended its turn.
   *
   * @param hooked whether a hook tells of it, too
   */
  turnEnded(hooked: boolean): void;
}

/**
 * The hooks of a run in a terminal. Messages reach an agent at work by its hooks; one that waits for a person calls none, so
 * that they are typed for it.
 *
 * A turn ends when a hook and the transcript both say so, in whichever order: the transcript comes a moment later and has
 * the agent's last words, but may still be about the turn before.
 */
export function typingHooks(hooks: RunHooks, options: TypingOptions): TypingHooks {
  const { conversationId, waits, type, transcriptMs = TRANSCRIPT_MS } = options;
  let idle = waits;
  let pending = false;
  let typing = false;
  /** Counts the turns that have begun. */
  let turn = 0;
  /** Turns that wait for leave to begin. */
  let beginning = 0;
  /** The turn of which a hook has told that it ended. */
  let told: number | undefined;

  const begin = async (): Promise<void> => {
    turn++;
    beginning++;
    await hooks.beforeTurn(); // No agent works without a slot.
    beginning--;
  };
  const end = async (): Promise<void> => {
    idle = true;
    await hooks.afterTurn();
    await typeThem();
  };
  const typeThem = async (): Promise<void> => {
    if (!idle || !pending || typing) return;
    typing = true;
    const messages = await hooks.takeMessages(conversationId, `typed-${randomUUID()}`);
    if (messages) {
      idle = false;
      const begun = turn + 1;
      try {
        await begin();
        await type(messages.texts.join('\n\n'));
        messages.given();
      } catch {
        // A dialog is in the way, or a person: it is heard when the agent works next.
        messages.returned();
        idle = turn === begun;
        if (idle) await hooks.afterTurn();
      }
    }
    typing = false;
  };

  return {
    ...hooks,
    onMessages(listener) {
      hooks.onMessages((waiting) => {
        listener(waiting);
        pending = waiting;
        void typeThem();
      });
    },
    async beforeTurn() {
      idle = false;
      await begin();
    },
    async afterTurn() {
      if (idle || told === turn) return;
      const ended = turn;
      told = ended;
      await delay(transcriptMs, undefined, { ref: false });
      if (turn === ended && !idle) await end();
    },
    turnEnded(hooked) {
      if (idle || beginning > 0 || (hooked && told !== turn)) return;
      void end();
    },
  };
}
