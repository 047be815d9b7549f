import { boundedCopy } from '../core/orchestration/util/bounded-copy.js';

/** A tool call's input as it is sent. The agent decides how long the whole input is. */
export interface CutInput {
  /** The input as the agent gave it, or a part of it. */
  readonly input: unknown;
  /** True if `input` is only a part. */
  readonly cut?: true;
}

/** Longer inputs are cut. In characters of JSON. */
const INPUT_LENGTH = 4_000;

export function cutInput(input: unknown): CutInput {
  // An agent may call a tool without any input.
  const isShort = (JSON.stringify(input) ?? '').length <= INPUT_LENGTH;
  return isShort ? { input } : { input: boundedCopy(input, { left: INPUT_LENGTH / 2 }), cut: true };
}
