import { type SessionEvent, type SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.js';

export const DONE: SimulatedScript = ({ resume }) => scriptedRun([{ text: 'Done.' }], { conversationId: resume });

/** A run that ends only when it is told to. */
export const ENDLESS: SimulatedScript = () => scriptedRun([{ text: 'Waiting.' }, { text: 'never', afterMs: 60_000 }]);

/** A manager of simulated sessions with a folder of its own, and all its events. */
export function simulate(script: SimulatedScript, options: SessionManagerOptions = {}) {
  const executors = { autonomous: new SimulatedExecutor(script) };
  const manager = new UnifiedSessionManager({ stateDir: tempFolder(), executors, ...options });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const events: SessionEvent[] = [];
  manager.on('event', (event) => events.push(event));
  return { manager, events };
}
