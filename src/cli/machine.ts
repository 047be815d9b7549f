import { homedir } from 'node:os';
import type { Readable } from 'node:stream';

/** What a command knows of the process that it runs in, and how it speaks to its person. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  /** The home folder of the user. */
  readonly home: string;
  readonly cwd: string;
  /** Undefined where the system has no user ids. */
  readonly uid: number | undefined;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Writes the result of a command. */
  readonly print: (text: string) => void;
  /** Writes progress, questions and errors. */
  readonly say: (text: string) => void;
}

export function thisMachine(): Machine {
  return {
    env: process.env,
    home: process.env.HOME ?? homedir(),
    cwd: process.cwd(),
    uid: process.getuid?.(),
    stdin: process.stdin,
    print: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
  };
}

/** The exit code of a command line that cannot be understood. */
export const USAGE = 2;

/** A command that ends with a message for its person. */
export class CliFailure extends Error {
  readonly exitCode: number;

  /** @param exitCode default 1 */
  constructor(message: string, { exitCode = 1, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.exitCode = exitCode;
  }
}
