import { realpath } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { messageOf, OrchestrationError, quote, systemCode } from '../errors.js';
import { isInside } from './is-inside.js';
import { readRegularFile } from './regular-file.js';

/** People write prompts and configurations as text. A longer file is a mistake. */
const MOST_BYTES = 1024 * 1024;

/**
 * Reads a file that an option names. A relative path means a file of the workspace. An agent may have put a link there that
 * leads to one of the machine's secrets, so the file really has to lie in the workspace.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function readUserFile(option: string, path: string, cwd: string): Promise<string> {
  const invalid = (why: string, cause?: unknown): OrchestrationError =>
    new OrchestrationError('INVALID_OPTIONS', `Option '${option}' (${quote(path)}) ${why}.`, { cause });
  try {
    const real = await realpath(resolve(cwd, path));
    if (!isAbsolute(path) && !isInside(real, await realpath(cwd))) {
      throw invalid('leads out of the workspace; give an absolute path if that is what you want');
    }
    return (await readRegularFile(real, { most: MOST_BYTES })).toString('utf8');
  } catch (error) {
    if (error instanceof OrchestrationError) throw error;
    if (systemCode(error) === 'ENOENT') throw invalid('does not exist; check the path (it is relative to cwd)', error);
    throw invalid(`cannot be read: ${messageOf(error)}`, error);
  }
}
