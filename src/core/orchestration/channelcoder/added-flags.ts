import type { ModelChoice } from '../session/model-choice.js';
import type { ClaudeOutput } from '../session/output-schema.js';

/** What is asked of Claude Code that ChannelCoder 3.0.2 has no option for. */
export interface AddedOptions {
  readonly models?: ModelChoice;
  /** The form of the result. Not in Claude's terminal UI. */
  readonly output?: ClaudeOutput;
  /** The release of Claude Code. Undefined if it is not known. */
  readonly claudeVersion?: string;
}

/** From this release on, Claude Code takes a list of models, and takes it in its terminal UI, too. */
const TAKES_A_LIST = [2, 1, 166] as const;

/** The flags that a planned command line does not have. A test of the real ChannelCoder fails when it begins to emit one. */
export const ADDED_FLAGS = ['--model', '--fallback-model', '--effort', '--json-schema'] as const;

/** The flags of these options. @param terminal true for Claude's terminal UI */
export function addedFlags({ models = {}, output, claudeVersion }: AddedOptions, terminal = false): string[] {
  const { model, fallbackModels = [], effort } = models;
  const takesList = claudeVersion !== undefined && isAtLeast(claudeVersion, TAKES_A_LIST);
  const fallbacks = takesList ? fallbackModels : terminal ? [] : fallbackModels.slice(0, 1);
  return [
    ...flag('--model', model),
    ...flag('--fallback-model', fallbacks.length === 0 ? undefined : fallbacks.join(',')),
    ...flag('--effort', effort),
    ...flag('--json-schema', terminal || !output ? undefined : JSON.stringify(output.schema)),
  ];
}

function flag(name: (typeof ADDED_FLAGS)[number], value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  const at = least.findIndex((number, index) => parts[index] !== number);
  return at < 0 || (parts[at] ?? 0) > (least[at] ?? 0);
}
