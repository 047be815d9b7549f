import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Machine } from '../../src/cli/machine.js';
import { runCli } from '../../src/cli/program.js';
import { executables } from './executables.js';
import { tempFolder } from './temp-folder.js';

/** Writes the arguments of each call into `calls`, one call a line, and then does what the scripts say. */
const recorded = (script: string): string =>
  `printf '%s\\n' "$(basename "$0") $*" >>"$(dirname "$0")/calls"\n${script}`;

/**
 * Runs a command line on a machine whose programs are shell scripts.
 *
 * @param programs name → script
 * @param input what standard input holds
 */
export async function cli(
  args: string[],
  { programs = {}, input = '', home = tempFolder(), cwd = tempFolder(), env = {} }: CliOptions = {},
): Promise<{ exitCode: number; printed: string; said: string; calls: string[]; home: string }> {
  const folder = executables(
    Object.fromEntries(Object.entries(programs).map(([name, script]) => [name, recorded(script)])),
  );
  const printed: string[] = [];
  const said: string[] = [];
  const machine: Machine = {
    env: { PATH: `${folder}:/usr/bin:/bin`, HOME: home, ...env },
    home,
    cwd,
    uid: process.getuid?.(),
    stdin: Readable.from([Buffer.from(input)]),
    print: (text) => void printed.push(text),
    say: (text) => void said.push(text),
  };
  const exitCode = await runCli(args, machine);
  return { exitCode, printed: printed.join('\n'), said: said.join('\n'), calls: callsIn(folder), home };
}

export interface CliOptions {
  programs?: Record<string, string>;
  input?: string;
  home?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

function callsIn(folder: string): string[] {
  try {
    return readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n');
  } catch {
    return []; // No program was called.
  }
}
