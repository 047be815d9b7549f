import type { SessionSpec } from '../contract/session-spec.js';
import type { DockerOptions } from '../session/docker-options.js';

/** A session that runs in Docker, together with the folder that is its workspace. */
export type DockerSpec = Pick<SessionSpec, 'cwd' | 'claude' | 'worktree' | 'workspaces' | 'caches'> & {
  docker: Readonly<DockerOptions>;
  /** True if the agent may only read the workspace. */
  readOnly: boolean;
};
