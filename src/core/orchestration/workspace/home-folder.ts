import { isAbsolute, normalize } from 'node:path';
import { isInside } from '../util/fs/is-inside.js';
import { takenTarget } from './mount-targets.js';

/** The variables that name a folder in which Claude Code keeps its files. */
const NAMES = ['HOME', 'CLAUDE_CONFIG_DIR'];

/** The value of a variable of a container. If it names such a folder, in its shortest form. */
export function homeFolder(name: string, value: string): string {
  return NAMES.includes(name) && isAbsolute(value) ? normalize(value).replace(/(?<=.)\/$/, '') : value;
}

/**
 * Why a variable of a container cannot have a value, because of the folder that it names. Undefined if it can. The folder goes to
 * the agent's user, with the conversation mounted in it.
 */
export function homeProblem(name: string, folder: string): string | undefined {
  if (!NAMES.includes(name)) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (!isAbsolute(folder) || `${folder}/`.includes('/../') || /[:\x00-\x1f]/.test(folder))
    return "must be an absolute path without '..', ':' or control characters";
  if (isInside(homeFolder(name, folder), '/workspace'))
    return 'must not lie in /workspace, where an agent could change the settings of the next run';
  if (takenTarget({ target: homeFolder(name, folder), readonly: false }) === undefined) return undefined;
  return `must not be ${JSON.stringify(folder)}, which the container needs as it is, with what is in it. Name a folder of the agent's own, such as '/home/agent'`;
}
