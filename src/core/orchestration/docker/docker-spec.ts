import type { SessionSpec } from '../contract/session-spec.js';
import type { DockerOptions } from '../session/docker-options.js';

/** A session that runs in Docker. `cwd` is the folder that is mounted at `/workspace`. */
export type DockerSpec = Pick<
  SessionSpec,
  'cwd' | 'claude' | 'worktree' | 'workspaces' | 'git' | 'caches' | 'worksAs'
> & {
  docker: Readonly<DockerOptions>;
  /** The folder in which the agent begins, relative to `cwd`. Default: `cwd` itself. */
  part?: string;
  /** True if the agent may only read the workspace. */
  readOnly: boolean;
};
