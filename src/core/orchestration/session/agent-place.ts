import type { SessionEnvironment } from './record.js';

/** The path of the workspace in a container. */
export const WORKSPACE = '/workspace';

/** The place of a session's agent, as its tool calls name it. */
export interface AgentPlace {
  /** The absolute path of the workspace as the agent sees it. */
  readonly workspace: string;
  /** Whether the agent works in a container, so that what it does outside of the workspace does not last. */
  readonly container: boolean;
}

/** `/workspace` in a container, else the worktree or the workspace on the machine. */
export function placeIn({ docker, worktree, cwd }: SessionEnvironment): AgentPlace {
  return { workspace: docker ? WORKSPACE : (worktree ?? cwd), container: docker };
}
