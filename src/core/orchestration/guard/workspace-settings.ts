import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { readRegularFile } from '../util/fs/regular-file.js';
import { REFUSED_SETTINGS } from './guard-environment.js';

/** The files in which Claude Code looks for settings of a workspace. */
const FILES = ['.claude/settings.json', '.claude/settings.local.json'];
/** Many times the size of honest settings. */
const MOST_BYTES = 1024 * 1024;

/**
 * Refuses a workspace whose settings set a variable that would keep the guard from being asked, if no managed setting can make
 * the variable harmless again.
 *
 * @param workspace the folder that the agent gets as a whole
 * @param folder the folder in it in which Claude Code begins; settings on the way to it are checked as well
 * @throws OrchestrationError `UNSAFE_SETTINGS`
 */
export function requireSafeSettings(workspace: string, folder = workspace): Promise<void> {
  return requireSafeFiles(workspace, filesOf(relative(workspace, folder)), "The workspace's");
}

/**
 * Refuses files of settings in the same way.
 *
 * @param files the files, below the folder
 * @param whose the beginning of the error's message
 * @throws OrchestrationError `UNSAFE_SETTINGS`
 */
export async function requireSafeFiles(workspace: string, files: readonly string[], whose: string): Promise<void> {
  for (const file of files) {
    const path = await realpath(join(workspace, file)).catch(() => undefined);
    // A link that leads outside of the workspace leads to another file in the container, or to none.
    if (path === undefined || relative(workspace, path).startsWith('..')) continue;
    const bytes = await readRegularFile(path, { most: MOST_BYTES }).catch((cause: unknown) => {
      throw unsafe(`${whose} ${quote(file)}`, `cannot be checked (${messageOf(cause)})`, cause);
    });
    const text = plain(bytes);
    for (const [name, problem] of REFUSED_SETTINGS) {
      if (new RegExp(`"${name}"\\s*:`).test(text))
        throw unsafe(`${whose} ${quote(file)}`, `sets ${name}, which ${problem}`);
    }
  }
}

/** The files of a workspace and of the folders on the way to a part of it. */
function filesOf(part: string): string[] {
  const here = FILES.map((file) => join(part, file));
  return part === '' ? here : [...filesOf(dirname(part) === '.' ? '' : dirname(part)), ...here];
}

/**
 * Makes the text searchable, whatever its encoding and escapes are, and even if it contains mistakes. Claude Code may accept a
 * file that a parser here would refuse.
 */
function plain(bytes: Buffer): string {
  const text = bytes.toString('latin1').replaceAll('\0', '');
  return text.replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function unsafe(what: string, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('UNSAFE_SETTINGS', `${what} ${why}. Correct the file.`, { cause });
}
