import type { Observation } from '../session/observation.js';
import { quote } from '../util/errors.js';
import { stripControl } from '../util/text.js';
import type { Json } from './content-blocks.js';
import { clipped } from './event-fields.js';
import { plainModelId } from './model-id.js';

/** How much of Claude Code's own explanation is shown, in characters. */
const SHOWN = 300;

/**
 * Notices that another model answers than the one that the run began with: Claude Code falls back if a model is overloaded, not
 * available to the account, or refuses to answer. Newer releases say so; older ones (2.1.98) only name the other model in its
 * messages.
 */
export class AnsweringModel {
  #expected: string | undefined;
  /** As the last message named it. Almost every message names the same, so it is compared once. */
  #named: unknown;

  /** Called when the run begins. @param model as `init` names it */
  begins(model: unknown): void {
    this.#expected = known(model);
    this.#named = undefined;
  }

  /** Claude Code says that it fell back. */
  switched({ content, scope, ...notice }: Json): Observation[] {
    // In a transcript, the fields have other names than in stream-json.
    const from = notice.original_model ?? notice.originalModel;
    const to = notice.fallback_model ?? notice.fallbackModel;
    if (typeof from !== 'string' || typeof to !== 'string') return [];
    // With this scope, only one answer of a subagent came from the other model.
    if (scope !== 'local') this.#expected = known(to);
    this.#named = undefined;
    return [fallback(from, to, typeof content === 'string' ? ` ${stripControl(content.slice(0, SHOWN))}` : '')];
  }

  /** @param model as a message of the agent itself, not of a subagent, names it */
  answered(model: unknown): Observation[] {
    if (model === this.#named) return [];
    this.#named = model;
    const before = this.#expected;
    const now = known(model);
    if (before === undefined || now === undefined || plainModelId(now) === plainModelId(before)) return [];
    this.#expected = now;
    return [fallback(before, now, '')];
  }
}

function fallback(from: string, to: string, why: string): Observation {
  const message = `The model ${quote(clipped(to))} answers in place of ${quote(clipped(from))}.${why}`;
  return { kind: 'error', severity: 'warning', code: 'model_fallback', message };
}

/** A model's id, if it is one that can be compared: an alias like `opusplan` may stand for several models. */
function known(model: unknown): string | undefined {
  if (typeof model !== 'string') return undefined;
  const id = clipped(model);
  return plainModelId(id).startsWith('claude-') ? id : undefined;
}
