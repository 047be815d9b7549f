import { randomUUID } from 'node:crypto';
import type { RunHooks } from '../intervention/hook-channel.js';

export interface TypingOptions {
  conversationId: string;
  /** Whether the agent waits for a person already. */
  waits: boolean;
  /** Types a text into the terminal and submits it. */
  type: (text: string) => Promise<void>;
}

/**
 * The hooks of a run in a terminal. Messages reach an agent at work by its hooks; one that waits for a person calls none, so
 * that they are typed for it.
 */
export function typingHooks(hooks: RunHooks, { conversationId, waits, type }: TypingOptions): RunHooks {
  let idle = waits;
  let pending = false;
  let typing = false;

  const typeThem = async (): Promise<void> => {
    if (!idle || !pending || typing) return;
    typing = true;
    const messages = await hooks.takeMessages(conversationId, `typed-${randomUUID()}`);
    if (messages) {
      try {
        await hooks.beforeTurn(); // No agent works without a slot.
        await type(messages.texts.join('\n\n'));
        idle = false;
        messages.given();
      } catch {
        // A dialog is in the way, or a person: it is heard when the agent works next.
        messages.returned();
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
      await hooks.beforeTurn();
    },
    async afterTurn() {
      idle = true;
      await hooks.afterTurn();
      await typeThem();
    },
  };
}
