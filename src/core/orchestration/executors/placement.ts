import type { SessionSpec } from '../contract/session-spec.js';
import { usableLayout } from '../git/repository/usable-layout.js';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';
import { defined } from '../util/defined.js';

/**
 * The folder that the agent of a session gets as a whole: the top of the repository, if `cwd` is a folder in one. On the machine
 * itself, git finds its repository without help.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` if git could not work there
 */
export async function rootOf(cwd: string, { docker, worktree, root }: SessionSpec): Promise<string> {
  if (docker === false && !worktree) return cwd;
  const layout = await usableLayout(cwd, worktree === undefined);
  return root ?? layout?.root ?? cwd;
}

/** Adds the session's workspaces to the request, because the worktree may not leave them, and the folder of its leader. */
export function confined(worktree: SessionWorktreeRequest, { workspaces, root }: SessionSpec): SessionWorktreeRequest {
  return { ...worktree, ...defined({ workspaces, root }) };
}

/** The name of the folder in which Claude Code keeps the conversations of a working directory (measured on 2.1.98). */
export function transcriptFolder(cwd: string): string {
  return cwd.replaceAll(/[^a-zA-Z0-9]/g, '-');
}
