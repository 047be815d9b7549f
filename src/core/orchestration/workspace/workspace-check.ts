import { realpath, stat } from 'node:fs/promises';
import { OrchestrationError, quote } from '../util/errors.js';

/**
 * The real path of a workspace.
 *
 * @throws OrchestrationError `WORKSPACE_NOT_FOUND`
 */
export async function resolveWorkspace(cwd: string): Promise<string> {
  const problem = (why: string, cause?: unknown): OrchestrationError =>
    new OrchestrationError('WORKSPACE_NOT_FOUND', `Option 'cwd' (${quote(cwd)}) ${why}. Give an existing folder.`, {
      cause,
    });
  const path = await realpath(cwd).catch((cause: unknown) => {
    throw problem('does not exist', cause);
  });
  if (!(await stat(path)).isDirectory()) throw problem('is not a folder');
  return path;
}
