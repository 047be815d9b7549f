import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunHooks } from '../contract/run-hooks.js';
import type { RunGuard } from '../guard/run-guard.js';
import type { SteeringQueue } from '../mailbox/steering-queue.js';
import type { RunRecord } from '../session/run-record.js';
import { serialized } from '../util/serialized.js';
import type { RunObserver } from './observer.js';
import type { SlotLease } from './slot-lease.js';

/** Carries out a command of the agent's. Never rejects. */
export type CommandRunner = RunHooks['command'];

export interface RunHooksOptions {
  record: RunRecord;
  guard: Pick<RunGuard, 'beforeTool' | 'afterTool'>;
  observer: Pick<RunObserver, 'breached'>;
  steering: SteeringQueue;
  lease: SlotLease;
  /** Undefined if the agent has no commands. */
  commands: CommandRunner | undefined;
  /** Resolves when the record says that the run executes, and has everything that the log reported before that. */
  ready: Promise<unknown>;
}

/** Answers the hooks of a run: with the guard's decisions and the user's messages. */
export function runHooks(options: RunHooksOptions): RunHooks {
  const { record, guard, observer, steering, lease, commands, ready } = options;
  const oneByOne = serialized();
  return {
    async beforeTool(call) {
      await ready; // The hook may ask before the engine has reported the start.
      await lease.before(call.toolUseId);
      // Hundreds of calls may have waited, and rating a call takes time: the event loop does other work between two of them.
      await oneByOne(() => nextTurn());
      return guard.beforeTool(call);
    },
    async afterTool(call) {
      await ready;
      const breach = guard.afterTool(call);
      if (breach) observer.breached(breach);
    },
    async takeMessages(conversation, answer) {
      await ready;
      const own = record.session.conversationId;
      if (own !== undefined && own !== conversation) return undefined;
      const { texts, given, returned } = await steering.take(answer);
      if (texts.length === 0) return undefined;
      return {
        texts,
        returned,
        given() {
          for (const message of texts) record.dispatch({ type: 'steered', at: record.clock.now(), message });
          given();
        },
      };
    },
    onMessages(listener) {
      steering.onChange = listener;
    },
    async beforeTurn() {
      await ready;
      await lease.wake();
    },
    async afterTurn() {
      await ready;
      lease.rest('person');
    },
    async command(id, args, signal) {
      await ready;
      return commands
        ? commands(id, args, signal)
        : { exitCode: 1, text: 'Only an orchestration session leads others.' };
    },
  };
}
