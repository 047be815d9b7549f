import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OrchestrationError, quote, systemCode } from '../../util/errors.js';
import { isInside } from '../../util/fs/is-inside.js';
import { gitLayoutAt, isKnown } from './layout.js';

/** Folders that a session may not leave, as real paths. Undefined if the session may be anywhere. */
export type Workspaces = readonly string[] | undefined;

/**
 * True if a path stays in the workspaces after links are followed. If the path does not exist yet, its existing part counts.
 */
export async function isConfined(path: string, workspaces: Workspaces): Promise<boolean> {
  if (!workspaces) return true;
  const real = await realPathOf(path);
  return workspaces.some((folder) => isInside(real, folder));
}

/**
 * Refuses a path that leaves the workspaces.
 *
 * @param what the name of the path in the error message
 * @throws Error
 */
export async function requireInside(path: string, workspaces: Workspaces, what: string): Promise<void> {
  if (await isConfined(path, workspaces)) return;
  const folders = workspaces?.join(', ') || 'none';
  throw new Error(
    `${what} (${quote(path)}) lies outside of the folders that the session may not leave (${folders}); ` +
      `add a folder that holds it to 'workspaces'`,
  );
}

/**
 * Refuses a workspace that lies outside of the folders. Also refuses it if the git folders that a session in it gets lie
 * outside of them.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function requireConfined(workspace: string, workspaces: Workspaces): Promise<void> {
  if (!workspaces) return;
  try {
    await requireInside(workspace, workspaces, 'the workspace');
    const layout = await gitLayoutAt(workspace);
    if (!layout || !(await isKnown(layout))) return; // The session gets no git folder.
    for (const folder of [layout.gitDir, layout.commonDir]) await requireInside(folder, workspaces, 'its git folder');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OrchestrationError('INVALID_OPTIONS', `Option 'cwd' (${quote(workspace)}): ${why}.`, { cause });
  }
}

/** The real path of the existing part, followed by the rest of the path as it is written. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await realPathOf(dirname(path)), basename(path));
  }
}
