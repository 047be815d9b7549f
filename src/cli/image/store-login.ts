import { mkdir, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { loginPlaces } from '../../core/orchestration/login/login-places.js';
import { NoLogin, parseLogin } from '../../core/orchestration/login/login-text.js';
import type { LoginSource } from '../../core/orchestration/session/login-source.js';
import { messageOf } from '../../core/orchestration/util/errors.js';
import { writeAtomically } from '../../core/orchestration/util/fs/atomic-file.js';
import { CliFailure, type Machine } from '../machine.js';

/** The words before the day on which a login was stored, in the first line of an env file. `doctor` reads them. */
export const STORED_ON = 'Stored by autonomous-orchestration image login on ';

/**
 * Stores variables in an env file with mode 0600.
 *
 * @param chosen the path that the person chose; undefined: the default one
 * @returns the path
 * @throws CliFailure
 */
export async function storeVariables(
  machine: Machine,
  variables: Readonly<Record<string, string>>,
  chosen: string | undefined,
): Promise<string> {
  const places = loginPlaces(machine.env, machine.home);
  const path = chosen === undefined ? places.envFile : resolve(machine.cwd, chosen);
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const day = new Date().toISOString().slice(0, 10);
  await writeOwn(path, `# ${STORED_ON}${day}\n${lines.join('\n')}\n`);
  if (path === places.envFile) await rm(places.sourceFile, { force: true });
  else await storeSource(machine, { envFile: path });
  return path;
}

/** Stores where the login is, without the login itself. @returns the path of the file that says so @throws CliFailure */
export async function storeSource(machine: Machine, source: LoginSource): Promise<string> {
  const { sourceFile } = loginPlaces(machine.env, machine.home);
  await writeOwn(sourceFile, `${JSON.stringify(source)}\n`);
  return sourceFile;
}

async function writeOwn(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeAtomically(path, text);
  } catch (cause) {
    throw new CliFailure(
      `The login cannot be written to ${path}: ${messageOf(cause).replace(/\.$/, '')}. Choose another file with --file.`,
      { cause },
    );
  }
}

/** Reads what a person gave. @throws CliFailure */
export function requireLogin(text: string): Record<string, string> {
  try {
    return parseLogin(text);
  } catch (cause) {
    if (!(cause instanceof NoLogin)) throw cause;
    throw new CliFailure(`What was entered is no login: ${cause.message}.`, { cause });
  }
}
