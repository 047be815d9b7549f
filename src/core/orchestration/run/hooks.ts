import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunHooks } from '../contract/run-hooks.js';
import type { RunGuard } from '../guard/run-guard.js';
import type { SteeringQueue } from '../mailbox/steering-queue.js';
import type { SessionAction } from '../session/actions.js';
import { inTurn } from '../util/serialized.js';
import type { RunRest } from './slot-lease.js';

/** Carries out a command of the agent's; never rejects. */
export type CommandRunner = RunHooks['command'];

export interface RunHooksOptions {
  guard: RunGuard;
  steering: SteeringQueue;
  rest: RunRest;
  /** Absent where the agent has none. */
  commands?: CommandRunner;
  /** Resolves when the record tells that it runs, with all that the log tells of the time before. */
  ready: Promise<unknown>;
  /** Claude's own conversation id, as soon as it is known. */
  conversationId: () => string | undefined;
  now: () => number;
  dispatch: (action: SessionAction) => void;
}

/** What a run's hooks get for an answer: the guard's decisions and the user's messages. */
export function runHooks(options: RunHooksOptions): RunHooks {
  const { guard, steering, rest, commands, ready, conversationId, now, dispatch } = options;
  const oneByOne = inTurn();
  return {
    async beforeTool(call) {
      await ready; // The engine may tell of the start later than the hook does.
      await rest.before(call.toolUseId);
      // Hundreds may have waited for that, and to rate a call takes its time: the host has other work to do between them.
      await oneByOne(() => nextTurn());
      return guard.beforeTool(call);
    },
    async afterTool(call) {
      await ready;
      guard.afterTool(call);
    },
    async takeMessages(conversation, answer) {
      await ready;
      const own = conversationId();
      if (own !== undefined && own !== conversation) return undefined;
      const { texts, given, returned } = await steering.take(answer);
      if (texts.length === 0) return undefined;
      return {
        texts,
        returned,
        given() {
          for (const message of texts) dispatch({ type: 'steered', at: now(), message });
          given();
        },
      };
    },
    onMessages(listener) {
      steering.onChange = listener;
    },
    async beforeTurn() {
      await ready;
      await rest.wake();
    },
    async afterTurn() {
      await ready;
      rest.rest('person');
    },
    async command(id, args, signal) {
      await ready;
      return commands
        ? commands(id, args, signal)
        : { exitCode: 1, text: 'Only an orchestration session leads others.' };
    },
  };
}
