import type { ClaudeOptions, InterpolationData } from 'channelcoder';
import type { DockerOptions } from '../session/docker-options.js';
import type { SessionLimits } from '../session/limits.js';
import type { ResolvedPolicy } from '../session/policy.js';
import type { SessionEnvironment } from '../session/record.js';
import type { SessionMode } from '../session/status.js';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';

/**
 * What the user asked for, checked, with the manager's defaults in it. For what `docker` leaves out, the defaults hold that
 * `DockerOptions` names.
 */
export interface SessionSpec {
  readonly id: string;
  readonly mode: SessionMode;
  /** Literal text, or the absolute path of a prompt file with its data. */
  readonly prompt: { text: string } | { file: string; data: InterpolationData };
  /** Absolute. */
  readonly cwd: string;
  readonly worktree: SessionWorktreeRequest | undefined;
  /** Folders that `cwd`, its repository and the worktree have to lie in, as real paths; absent where they may be anywhere. */
  readonly workspaces?: readonly string[];
  /** `false` for a run on the host. */
  readonly docker: false | Readonly<DockerOptions>;
  /** What ChannelCoder passes on to Claude as it is. */
  readonly claude: Pick<
    ClaudeOptions,
    'system' | 'appendSystem' | 'tools' | 'disallowedTools' | 'mcpConfig' | 'maxTurns'
  >;
  /** The manager's policy, tightened by the session's own. */
  readonly policy: ResolvedPolicy;
  readonly limits: SessionLimits;
}

/** What an executor found out about where a session will run. */
export interface Preparation {
  readonly environment: SessionEnvironment;
  /** What the session's runs get in place of its options for Docker. Default those. */
  readonly docker?: Readonly<DockerOptions>;
}
