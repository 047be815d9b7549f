import { homedir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, resolve } from 'node:path';
import { isInside } from './is-inside.js';

/** The parts of a PATH that are absolute and not in a folder in which an agent may have written programs. */
export function pathOutside(path: string, folder: string): string {
  return partsOf(path)
    .filter((part) => !isInside(part, folder))
    .join(delimiter);
}

/**
 * An environment whose PATH finds only programs of the machine. `npx` and `npm run` put `node_modules/.bin` of this folder and of
 * all above it first, and an agent that worked there may have put a `docker` into it.
 *
 * @param cwd the folder of this process. Programs in it are not found either, unless the user's home is in it, too
 */
export function withProgramPath(env: NodeJS.ProcessEnv, cwd: string): NodeJS.ProcessEnv {
  if (env.PATH === undefined) return env;
  const outside = isInside(resolve(env.HOME ?? homedir()), cwd)
    ? partsOf(env.PATH)
    : partsOf(pathOutside(env.PATH, cwd));
  return { ...env, PATH: outside.filter((part) => !isOfPackages(part)).join(delimiter) };
}

function partsOf(path: string): string[] {
  return path
    .split(delimiter)
    .filter((part) => isAbsolute(part))
    .map((part) => resolve(part));
}

const isOfPackages = (part: string): boolean => basename(part) === '.bin' && basename(dirname(part)) === 'node_modules';
