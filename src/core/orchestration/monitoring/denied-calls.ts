import type { Observation } from '../session/observation.js';
import { quote } from '../util/errors.js';
import { forgetOldest } from '../util/forget-oldest.js';
import { isObject, type Json } from './content-blocks.js';
import { clipped } from './event-fields.js';

/** How many failed calls are remembered. If a run has more, an old one may be reported twice. */
const REMEMBERED = 1_000;
/** How many denials of one `result` are read. */
const MOST_DENIALS = 100;

/**
 * Reports the denials that only Claude's `result` lists. Most denials are in the log already, as the failed result of their call;
 * those of calls that are in no log, as of agents in the background, are not.
 */
export class DeniedCalls {
  /** Calls whose failure or denial is reported. */
  readonly #reported = new Set<string>();

  /** Called with what was observed. */
  observe(observations: readonly Observation[]): void {
    for (const observation of observations) {
      if (observation.kind === 'tool-result' && observation.outcome !== 'ok') this.#add(observation.toolUseId);
    }
  }

  /** The denials in a `result` that were not reported before. */
  read({ permission_denials: denials }: Json): Observation[] {
    if (!Array.isArray(denials)) return [];
    return denials.slice(0, MOST_DENIALS).flatMap((denial: unknown): Observation[] => {
      const { tool_name: name, tool_use_id: id } = isObject(denial) ? denial : {};
      if (typeof name !== 'string' || typeof id !== 'string') return [];
      const toolUseId = clipped(id);
      if (this.#reported.has(toolUseId)) return [];
      this.#add(toolUseId);
      const message = `Claude Code denied a call of the tool ${quote(clipped(name))}.`;
      return [{ kind: 'error', severity: 'warning', code: 'denied', message, toolUseId }];
    });
  }

  #add(toolUseId: string): void {
    this.#reported.add(toolUseId);
    forgetOldest(this.#reported, REMEMBERED);
  }
}
