import { realpathSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { OrchestrationError } from '../../core/index.js';
import { messageOf, quote } from '../../core/orchestration/util/errors.js';
import { isInside } from '../../core/orchestration/util/fs/is-inside.js';

/**
 * The real paths of the workspaces when the app is made. Later would be too late: an agent in one workspace could replace
 * another workspace inside it by a link. A folder that does not exist yet counts as soon as it exists.
 */
export function pinned(workspaces: readonly string[]): string[] {
  return workspaces.map((path) => {
    try {
      return realpathSync(path);
    } catch {
      return resolve(path);
    }
  });
}

/**
 * The real path of `cwd`, which has to be one of the workspaces or a folder in one. Whoever has the token may start sessions
 * there, and nowhere else.
 *
 * @param cwd relative to the first workspace, which is also the default
 * @param workspaces real paths
 * @throws OrchestrationError `WORKSPACE_NOT_FOUND`, `INVALID_OPTIONS`
 */
export async function workspaceOf(cwd: string | undefined, workspaces: readonly string[]): Promise<string> {
  const [first = ''] = workspaces;
  const path = await real(resolve(first, cwd ?? ''));
  if (workspaces.some((folder) => isInside(path, folder))) return path;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `Option 'cwd': ${quote(path)} is in none of the folders in which sessions may be started (${workspaces.join(', ')}). ` +
      "Add it to the app's 'workspaces'.",
  );
}

async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw new OrchestrationError(
      'WORKSPACE_NOT_FOUND',
      `Option 'cwd': ${quote(path)} cannot be found (${messageOf(cause)}).`,
      { cause },
    );
  }
}
