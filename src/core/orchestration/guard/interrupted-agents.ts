import type { Observation } from '../session/observation.js';
import { forgetOldest } from '../util/forget-oldest.js';

/** How many tasks and calls are remembered. No run interrupts as many subagents. */
const MOST = 1_000;

/**
 * The subagents that were interrupted. Their last calls may be in the log without having asked, because they were still waiting
 * for the calls before them.
 */
export class InterruptedAgents {
  /** The call that began a task, by the id of the task. */
  readonly #calls = new Map<string, string>();
  readonly #interrupted = new Map<string, true>();

  observe(observation: Observation): void {
    if (observation.kind === 'tool-result' && observation.outcome !== 'ok') this.#add(observation.toolUseId);
    if (observation.kind !== 'task') return;
    const { id, state, toolUseId = this.#calls.get(id) } = observation;
    if (toolUseId === undefined) return;
    if (state === 'running') remember(this.#calls, id, toolUseId);
    else if (state !== 'completed') this.#add(toolUseId);
  }

  /** @param toolUseId the call of the agent that began the subagent */
  has(toolUseId: string): boolean {
    return this.#interrupted.has(toolUseId);
  }

  #add(toolUseId: string): void {
    remember(this.#interrupted, toolUseId, true);
  }
}

function remember<Value>(map: Map<string, Value>, id: string, value: Value): void {
  map.delete(id);
  map.set(id, value);
  forgetOldest(map, MOST);
}
