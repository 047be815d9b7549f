import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gitLayoutAt, isKnown } from '../git/layout.js';
import { OrchestrationError, quote, systemCode } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';

/** Folders that a session may not leave, as real paths; undefined where it may be anywhere. */
export type Workspaces = readonly string[] | undefined;

/** Whether a path stays in the workspaces, links followed. Of a path that is not there yet, the part that is there counts. */
export async function isConfined(path: string, workspaces: Workspaces): Promise<boolean> {
  if (!workspaces) return true;
  const real = await realPathOf(path);
  return workspaces.some((folder) => isInside(real, folder));
}

/**
 * Refuses a path that leaves the workspaces.
 *
 * @param what names the path in the error
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
 * Refuses a workspace that leaves the folders: itself, or with the git folders that a session in it is given.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function requireConfined(workspace: string, workspaces: Workspaces): Promise<void> {
  if (!workspaces) return;
  try {
    await requireInside(workspace, workspaces, 'the workspace');
    const layout = await gitLayoutAt(workspace);
    if (!layout || !(await isKnown(layout))) return; // It is given no git folder.
    for (const folder of [layout.gitDir, layout.commonDir]) await requireInside(folder, workspaces, 'its git folder');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OrchestrationError('INVALID_OPTIONS', `Option 'cwd' (${quote(workspace)}): ${why}.`, { cause });
  }
}

/** The real path of what is there, and the rest of the path as it is written. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await realPathOf(dirname(path)), basename(path));
  }
}
