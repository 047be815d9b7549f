import type { ClaudeOptions, InterpolationData } from 'channelcoder';
import type { SessionCache } from '../session/caches.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { GitIdentityOption } from '../session/git-identity.js';
import type { SessionLimits } from '../session/limits.js';
import type { ModelChoice } from '../session/model-choice.js';
import type { OutputRequest } from '../session/output-schema.js';
import type { OverageChoice } from '../session/overage.js';
import type { ResolvedPolicy } from '../session/policy.js';
import type { QuestionMode } from '../session/question.js';
import type { SessionEnvironment } from '../session/record.js';
import type { ResolvedRetry } from '../session/retry.js';
import type { SetupCommand } from '../session/setup.js';
import type { SessionMode } from '../session/status.js';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';

/**
 * What the user asked for, after validation, with the manager's defaults filled in. For values that `docker` leaves out, the
 * defaults in `DockerOptions` apply.
 */
export interface SessionSpec {
  readonly id: string;
  readonly mode: SessionMode;
  /** Literal text, or the absolute path of a prompt file with its data. */
  readonly prompt: { text: string } | { file: string; data: InterpolationData };
  /** Absolute. */
  readonly cwd: string;
  /**
   * The folder that is mounted, in which `cwd` lies. Only for a session that works where its leader does: it gets as much as the
   * leader, and no more. Absent if the repository of `cwd` decides.
   */
  readonly root?: string;
  readonly worktree: SessionWorktreeRequest | undefined;
  /** Folders that have to contain `cwd`, its repository and the worktree, as real paths. Absent if they may be anywhere. */
  readonly workspaces?: readonly string[];
  /** The name and address of commits. Absent if the machine's git decides, and in a record of an earlier release. */
  readonly git?: GitIdentityOption;
  /** `false` for a run directly on the machine. */
  readonly docker: false | Readonly<DockerOptions>;
  /** Options that ChannelCoder passes on to Claude unchanged. */
  readonly claude: Pick<
    ClaudeOptions,
    'system' | 'appendSystem' | 'tools' | 'disallowedTools' | 'mcpConfig' | 'maxTurns'
  >;
  /** Absent if nothing was asked, and in a record of an earlier release. */
  readonly models?: ModelChoice;
  /** Absent if the session was asked for no typed result. */
  readonly output?: OutputRequest;
  /** What becomes of the questions that the agent asks. Absent means `'ask'`. */
  readonly questions?: QuestionMode;
  /** The manager's policy, tightened by the session's own policy. */
  readonly policy: ResolvedPolicy;
  readonly limits: SessionLimits;
  /** The option `account`, of the session or of those before it. Absent if nobody gave one: then the login decides. */
  readonly account?: string;
  /**
   * The user of the machine as whom the agent works, chosen when the session was created. Nothing that an agent changes later
   * chooses another one. Absent if `docker.user` or the engine decides, and in a record of an earlier release.
   */
  readonly worksAs?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** Absent if the session has no caches. */
  readonly caches?: readonly SessionCache[];
  /** Absent if nothing runs before the agent. */
  readonly setup?: readonly SetupCommand[];
  /** Absent in what earlier releases have stored, like the next one. */
  readonly retry?: ResolvedRetry;
  readonly onOverage?: OverageChoice;
}

/** What an executor found out about the place where a session will run. */
export interface Preparation {
  readonly environment: SessionEnvironment;
  /** The Docker options that the session's runs get instead of its own. Default: its own. */
  readonly docker?: Readonly<DockerOptions>;
  /** The user of the session's runs. Default: nobody is chosen. */
  readonly worksAs?: SessionSpec['worksAs'];
  /** The worktree that the session's runs ask for instead. Default: what the session asks for. */
  readonly worktree?: SessionWorktreeRequest;
}
