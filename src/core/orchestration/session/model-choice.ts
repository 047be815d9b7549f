/** How much a model thinks before it answers, least first. `xhigh` needs Claude Code 2.1.111 or newer. */
export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
export type Effort = (typeof EFFORTS)[number];

/** Claude Code takes at most this many models to fall back to. */
export const MOST_FALLBACKS = 3;

/** Which model a session is asked to use. What is absent is left to Claude Code. */
export interface ModelChoice {
  /**
   * The model: an alias of Claude Code (`'opus'`, `'sonnet'`, …), or the full name that the provider of your account knows. If the
   * provider does not know it, the session ends at once as `failed`, reason `unknown_model`. Default: Claude Code's own.
   */
  readonly model?: string;
  /**
   * The models that Claude Code tries, in this order, while the model is overloaded, or if the provider does not know it. At most
   * three. Claude Code before 2.1.166 uses only the first, only while the model is overloaded, and none in its terminal UI.
   */
  readonly fallbackModels?: readonly string[];
  /**
   * How much the model thinks: `'low'`, `'medium'`, `'high'`, `'xhigh'` (Claude Code 2.1.111 or newer) or `'max'`. Default: Claude
   * Code's own for the model.
   */
  readonly effort?: Effort;
}

/** What a session was asked. `metadata.model` is the model that Claude reported. */
export interface SessionAsked extends ModelChoice {
  /** Set if the session was asked for a typed result. */
  readonly output?: { readonly retries: number };
}
