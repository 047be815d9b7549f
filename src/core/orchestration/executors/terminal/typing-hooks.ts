import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunHooks } from '../../contract/run-hooks.js';

/**
 * The transcript reports the end of a turn about 100 ms after the hook. If the transcript has not reported it within this time,
 * the hook alone is believed.
 */
const TRANSCRIPT_MS = 1_500;

export interface TypingOptions {
  conversationId: string;
  /** True if the agent already waits for a person. */
  waits: boolean;
  /** Types a text into the terminal and submits it. */
  type: (text: string) => Promise<void>;
  /** How long the transcript may take to report the end of a turn after a hook has reported it. Default 1,500 ms. */
  transcriptMs?: number;
}

export interface TypingHooks extends RunHooks {
  /**
   * Called when the transcript says that the agent has ended its turn.
   *
   * @param hooked true if a hook reports the end of the turn, too
   */
  turnEnded(hooked: boolean): void;
}

/**
 * The hooks of a run in a terminal. If the agent works, messages reach it through its hooks. If the agent waits for a person, it
 * calls no hooks, so messages are typed into the terminal.
 *
 * A turn ends when both a hook and the transcript have reported the end, in any order. The hook is not enough, because the
 * transcript comes a moment later and has the agent's last words. The transcript is not enough, because its report may still be
 * about the turn before. But if no hook will report the end, the transcript is enough.
 */
export function typingHooks(hooks: RunHooks, options: TypingOptions): TypingHooks {
  const { conversationId, waits, type, transcriptMs = TRANSCRIPT_MS } = options;
  let idle = waits;
  let pending = false;
  let typing = false;
  /** Counts the turns that have begun. */
  let turn = 0;
  /** How many turns wait for permission to begin. */
  let beginning = 0;
  /** The turn whose end was last reported by a hook. */
  let told: number | undefined;

  const begin = async (): Promise<void> => {
    turn++;
    beginning++;
    await hooks.beforeTurn(); // The agent must not work without a slot.
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
        // A dialog or a person is in the way. The agent gets the messages when it works next.
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
