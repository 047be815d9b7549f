import { truncate } from '../util/text.js';

/** A command that runs in the session's container before the agent begins. */
export interface SetupCommand {
  /** A line for `/bin/sh -c`. */
  readonly run: string;
  /**
   * How long the command may take, in milliseconds, in whole seconds. Time in which the session is paused does not count. Default
   * ten minutes, at most a day.
   */
  readonly timeoutMs?: number;
}

/** What became of a command of `setup`. */
export interface SetupRun {
  readonly run: string;
  /** The end of what it wrote. Agent-controlled text, because it may run programs of the workspace: show it as text only. */
  readonly output: string;
  /** Absent while the command runs, and if the run was ended before the command had ended. */
  readonly exitCode?: number;
  /** True if it was ended because it took longer than `timeoutMs`. */
  readonly timedOut?: true;
}

/** What the setup of a run did. */
export type SetupObservation = {
  readonly kind: 'setup';
  /** The place of the command in the option `setup`; 0 is the first. */
  readonly index: number;
  readonly run: string;
} & (
  | { readonly state: 'begun' }
  | { readonly state: 'output'; readonly text: string }
  | {
      readonly state: 'ended';
      readonly exitCode: number;
      readonly timedOut?: true;
      /** True if no command follows: the last one has ended, or this one has failed. */
      readonly last: boolean;
    }
);

const DEFAULT_TIMEOUT_MS = 600_000;
/** How much of a command's output the record keeps, in characters. */
const KEPT_OUTPUT = 2_000;

/** How long a command may take, in whole seconds. */
export function setupSeconds({ timeoutMs = DEFAULT_TIMEOUT_MS }: SetupCommand): number {
  return Math.ceil(timeoutMs / 1000);
}

/** How long all commands together may take, in milliseconds. */
export function setupMs(commands: readonly SetupCommand[] = []): number {
  // Each may take a moment longer than its limit until its output is read.
  return commands.reduce((sum, command) => sum + (setupSeconds(command) + 5) * 1000, 0);
}

/** What a run's record says of the setup after an observation. A command that begins again, for a later process, begins anew. */
export function withSetup(runs: readonly SetupRun[] = [], seen: SetupObservation): readonly SetupRun[] {
  const { index, run } = seen;
  const before = runs[index];
  if (index > runs.length || (before === undefined && seen.state !== 'begun')) return runs;
  const next = [...runs.slice(0, index), Object.freeze(changed(before, seen, run))];
  return Object.freeze(seen.state === 'begun' ? next : [...next, ...runs.slice(index + 1)]);
}

function changed(before: SetupRun | undefined, seen: SetupObservation, run: string): SetupRun {
  const output = before?.output ?? '';
  if (seen.state === 'begun') return { run: truncate(run, KEPT_OUTPUT), output: '' };
  if (seen.state === 'output') return { run, output: endOf(output + seen.text, KEPT_OUTPUT) };
  return { run, output, exitCode: seen.exitCode, ...(seen.timedOut && { timedOut: true as const }) };
}

/** The last part of a text. */
export function endOf(text: string, most: number): string {
  return text.length > most ? `…${text.slice(-most)}` : text;
}
