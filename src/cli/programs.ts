import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CliFailure, type Machine } from './machine.js';

export interface Answered {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How each missing program is installed. */
const INSTALL: Readonly<Record<string, string>> = {
  docker:
    'Install Docker: https://docs.docker.com/engine/install/ (its command line is also in the packages docker-ce-cli and docker.io)',
  npm: 'Install Node.js with npm: https://nodejs.org',
};

/** The most that a program may answer, in bytes. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Runs a program to its end and returns what it says.
 *
 * @throws CliFailure if it cannot be started, or does not end in time
 */
export function ask(
  { env, cwd }: Pick<Machine, 'env' | 'cwd'>,
  program: string,
  args: readonly string[],
  timeoutMs = 30_000,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, cwd, timeout: timeoutMs, maxBuffer: MOST_BYTES }, (error, stdout, stderr) => {
      if (!error) return resolve({ code: 0, stdout, stderr });
      if (error.killed) return reject(new CliFailure(`'${program} ${args[0]}' did not end within ${timeoutMs} ms.`));
      if (typeof error.code === 'number') return resolve({ code: error.code, stdout, stderr });
      reject(missing(program, error));
    });
  });
}

/**
 * Runs a program whose input and output are those of this process.
 *
 * @returns its exit code
 * @throws CliFailure if it cannot be started
 */
export function show(
  { env, cwd }: Pick<Machine, 'env' | 'cwd'>,
  program: string,
  args: readonly string[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, stdio: 'inherit' });
    child.on('error', (error) => reject(missing(program, error)));
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

function missing(program: string, cause: Error & { code?: unknown }): CliFailure {
  const next = INSTALL[program] ?? 'Install it';
  const why = cause.code === 'ENOENT' ? `is not on the PATH` : `cannot be started (${cause.message})`;
  return new CliFailure(`The command '${program}' ${why}. ${next}.`, { cause });
}
