import type { NamedVariable } from './bindings.js';
import type { Budget } from './budget.js';
import type { FileRedirect } from './command.js';
import type { Scope } from './scope.js';
import type { Stream, Value } from './value.js';

/** A command line after expansion, before anything is known about the program. */
export interface CommandLine {
  readonly values: readonly Value[];
  readonly env: ReadonlyMap<string, Value>;
  readonly assignments: readonly NamedVariable[];
  readonly redirects: readonly FileRedirect[];
  readonly stdin: Stream | undefined;
  readonly scope: Scope;
  /** Runs at the same time as others: in a pipe or in the background. */
  readonly concurrent: boolean;
}

/** Receives what an interpreter finds in a script. */
export interface ScriptReader {
  readonly budget: Budget;
  /** Looks at a command line and says what it writes. */
  execute(line: CommandLine): Stream;
  /** Called for a part of the script that is not valid shell code. */
  unparsable(message: string): void;
  /** True when nothing further has to be looked at. */
  readonly settled: boolean;
}
