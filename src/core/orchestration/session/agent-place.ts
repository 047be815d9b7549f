import { join, posix, relative } from 'node:path';
import type { SessionEnvironment } from './record.js';

/** The path of the workspace in a container. */
export const WORKSPACE = '/workspace';

/** The place of a session's agent, as its tool calls name it. */
export interface AgentPlace {
  /** The absolute path of the workspace as the agent sees it. */
  readonly workspace: string;
  /** The folder in which the agent begins, if this is not the workspace itself but a folder in it. */
  readonly cwd?: string;
  /** Whether the agent works in a container, so that what it does outside of the workspace does not last. */
  readonly container: boolean;
}

type Place = Pick<SessionEnvironment, 'worktree' | 'root' | 'cwd'>;

/** The folder on the machine that the agent gets as a whole. In a container, it is mounted at `/workspace`. */
export function mountedFolder({ worktree, root, cwd }: Place): string {
  return worktree ?? root ?? cwd;
}

/** The folder in which the agent begins, relative to {@link mountedFolder}. Empty for the mounted folder itself. */
export function partOf({ root, cwd }: Pick<Place, 'root' | 'cwd'>): string {
  return root === undefined ? '' : relative(root, cwd);
}

/** The folder on the machine in which the agent begins. */
export function workingFolder(place: Place): string {
  return join(mountedFolder(place), partOf(place));
}

/** The path of a part of the workspace in a container. */
export function inWorkspace(part: string): string {
  return posix.join(WORKSPACE, part);
}

/** `/workspace` in a container, else the worktree or the workspace on the machine. */
export function placeIn(environment: SessionEnvironment): AgentPlace {
  const { docker } = environment;
  const part = partOf(environment);
  const cwd = docker ? inWorkspace(part) : workingFolder(environment);
  return {
    workspace: docker ? WORKSPACE : mountedFolder(environment),
    ...(part !== '' && { cwd }),
    container: docker,
  };
}
