import { isAbsolute, normalize } from 'node:path';
import { isInside } from '../util/fs/is-inside.js';
import { takenTarget } from './mount-targets.js';

/** The variables that name a folder in which Claude Code keeps its files. */
const NAMES = ['HOME', 'CLAUDE_CONFIG_DIR'];

/**
 * Why a variable of a container cannot have a value, because of the folder that it names. Undefined if it can. The folder goes to
 * the agent's user, with the conversation mounted in it.
 */
export function homeProblem(name: string, folder: string): string | undefined {
  if (!NAMES.includes(name)) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (!isAbsolute(folder) || normalize(folder) !== folder || /[:\x00-\x1f]|.\/$/.test(folder))
    return "must be an absolute path without '..', ':', control characters or '/' at the end";
  if (isInside(folder, '/workspace'))
    return 'must not lie in /workspace, where an agent could change the settings of the next run';
  return takenTarget({ target: folder, readonly: false });
}
