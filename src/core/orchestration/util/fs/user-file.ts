import { realpath } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { messageOf, OrchestrationError, quote, systemCode } from '../errors.js';
import { isInside } from './is-inside.js';
import { readRegularFile } from './regular-file.js';

/** A prompt or a configuration is text that people write; one longer than this is a mistake. */
const MOST_BYTES = 1024 * 1024;

/**
 * Reads a file that an option names. A relative path means a file of the workspace, where an agent may have put a link
 * to one of the host's secrets instead, so it has to lie there really.
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
