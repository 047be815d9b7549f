import {
  type BaseExecutor,
  type SessionEvent,
  type SessionManagerOptions,
  type SessionMode,
  type ToolPolicy,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import {
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedScript,
  scriptedRun,
} from 'autonomous-orchestration/testing';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.js';

export const DONE: SimulatedScript = ({ conversationId }) => scriptedRun([{ text: 'Done.' }], { conversationId });

/** A run that ends only when it is stopped. */
export const ENDLESS: SimulatedScript = () => scriptedRun([{ text: 'Waiting.' }, { text: 'never', afterMs: 60_000 }]);

/** One executor for all modes. A mode without a simulated executor would look for a Docker engine. */
export function everyMode(executor: BaseExecutor): Record<SessionMode, BaseExecutor> {
  return {
    autonomous: executor,
    interactive: executor,
    planning: executor,
    worktree: executor,
    orchestration: executor,
  };
}

/** A manager with simulated sessions and a temporary state folder, and a list of all its events. */
export function simulate(script: SimulatedScript, options: SessionManagerOptions = {}) {
  const executors = everyMode(new SimulatedExecutor(script));
  const manager = new UnifiedSessionManager({ stateDir: tempFolder(), executors, ...options });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const events: SessionEvent[] = [];
  manager.on('event', (event) => events.push(event));
  return { manager, events };
}

/** A policy that asks a person about `git push`. {@link PUSHES} is a run that pushes. */
export const ASK_TO_PUSH: ToolPolicy = { rules: [{ tool: 'Bash', matches: /^git push/, decision: 'ask' }] };
export const PUSHES: SimulatedScript = ({ conversationId }) =>
  scriptedRun([{ tool: 'Bash', input: { command: 'git push' }, output: 'pushed' }, { text: 'Done.' }], {
    conversationId,
  });

/** A run that writes the line with the given text only after `released` has resolved. */
export function heldBefore(text: string, released: Promise<void>, run: SimulatedRun): SimulatedRun {
  async function* steps() {
    for await (const step of run.steps) {
      if (JSON.stringify(step.line).includes(text)) await released;
      yield step;
    }
  }
  return { ...run, steps: steps() };
}

/** The next event of a type. Call this before the event can happen. */
export function nextEvent<Type extends SessionEvent['type']>(
  manager: UnifiedSessionManager,
  type: Type,
): Promise<Extract<SessionEvent, { type: Type }>> {
  return new Promise((resolve) => {
    const listener = (event: SessionEvent): void => {
      if (event.type !== type) return;
      manager.off('event', listener);
      resolve(event as Extract<SessionEvent, { type: Type }>);
    };
    manager.on('event', listener);
  });
}
