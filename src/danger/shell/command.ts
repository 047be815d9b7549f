import type { Danger } from '../danger.js';
import type { Scope } from './scope.js';
import type { Stream, Value } from './value.js';

/** A file that the shell itself opens for a command. */
export interface FileRedirect {
  readonly operator: string;
  readonly target: Value;
}

/** One call of a program. Everything that can be expanded is expanded. */
export interface ShellCommand {
  /** The program, without its folder. May hold unknown parts. */
  readonly name: string;
  /** The texts of `values`. */
  readonly args: readonly string[];
  readonly values: readonly Value[];
  /** Variables that are set for this call. */
  readonly env: ReadonlyMap<string, Value>;
  readonly redirects: readonly FileRedirect[];
  /** What the command reads from a pipe or a here-document; `undefined` if there is none. */
  readonly stdin: Stream | undefined;
  readonly scope: Scope;
  /** Runs at the same time as others: in a pipe or in the background. */
  readonly concurrent: boolean;
}

/** What a launcher uses to look at the code or the command that a program starts. */
export interface Shell {
  /** Looks at code as a shell would run it, in the scope given. Code of which nothing is known is critical. */
  script(code: string, scope: Scope, stdin?: Stream): Stream;
  /** Looks at a command that another one runs. */
  call(values: readonly Value[], from: ShellCommand): Stream;
  report(danger: Danger | undefined): void;
  /** Looks at code that runs later: with the variables as they are now, and as they are in the end. */
  later(code: string, scope: Scope): void;
}

/** Looks at what a program starts. Returns the output of that, if it goes to the program's own output. */
export type Launcher = (command: ShellCommand, shell: Shell) => Stream | undefined;
