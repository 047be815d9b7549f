import type { InterpolationData } from 'channelcoder';
import type { DockerOptions } from './docker-options.js';
import type { SessionLimits } from './limits.js';
import type { OverageChoice } from './overage.js';
import type { ToolPolicy } from './policy.js';
import type { RetryOptions } from './retry.js';
import type { SessionMode } from './status.js';
import type { WorktreeRequest } from './worktree-request.js';

/** What to run and where. Unknown keys are refused. */
export interface CreateSessionOptions {
  /** Which executor runs the session. Default `'autonomous'`. */
  mode?: SessionMode;
  /**
   * The prompt as literal text, sent byte for byte. In `interactive` at most 120,000 bytes. Give exactly one of `prompt` and
   * `promptFile`. Give neither if the session is to carry out the plan of `parentId`.
   */
  prompt?: string;
  /**
   * A ChannelCoder prompt file (Markdown with optional YAML front matter and `{variables}`), relative to `cwd`. It is read
   * once, when the session is created. In `interactive`, the resulting prompt may have at most 120,000 bytes. A longer one ends
   * the run as `failed`, reason `INVALID_OPTIONS`.
   */
  promptFile?: string;
  /** Values for the variables of `promptFile`, checked against the `input` schema of its front matter. */
  data?: InterpolationData;
  /**
   * The user's own id of the work that this session belongs to, at most 500 characters. `list({ taskId })` finds the session by
   * it.
   */
  taskId?: string;
  /**
   * The session that this one was created for; `list({ parentId })` finds it. The new session works in the same workspace as
   * its parent, unless `cwd` says otherwise. A parent of the mode `orchestration` also hands down container, policy and limits,
   * which can only be tightened. A parent of the mode `planning` that has made a plan hands the plan down as the prompt. If
   * this manager does not know the id, the id is only a label of at most 500 characters, and nothing is inherited.
   */
  parentId?: string;
  /**
   * The workspace, mounted at `/workspace`. It is writable, unless the mode is `planning`. Default: the workspace of the
   * session that `parentId` names, else `process.cwd()`.
   */
  cwd?: string;
  /** Runs the session in a git worktree of the workspace's repository instead of the workspace itself. */
  worktree?: string | WorktreeRequest;
  /**
   * Folders that the session may not leave, as real paths. `cwd`, the repository of a worktree, the git folders of `cwd` and
   * the worktree itself each have to lie in one of them. This is checked again at the start of each run. If a worktree would be
   * made beside its repository and outside of these folders, it is made in the repository's folder `.worktrees` instead.
   * Sessions that this one leads inherit the folders. Default: anywhere.
   */
  workspaces?: string[];
  /**
   * `true` (default) runs the session in a container with the manager's `docker` options. An object overrides these for this
   * session. `false` runs the `claude` of the `PATH` directly on the machine, with the user's own permissions (never skipped) and
   * no isolation.
   */
  docker?: boolean | Partial<DockerOptions>;
  /** System prompt that replaces Claude's own. */
  system?: string;
  /** Text added to Claude's system prompt. */
  appendSystem?: string;
  /**
   * Tools that run without asking (`--allowedTools`). Some tools do work that no log shows (`Workflow`, `RemoteTrigger`,
   * `REPL`, …). They are on only if you name them here.
   */
  tools?: string[];
  /** Tools that Claude may not use (`--disallowedTools`). */
  disallowedTools?: string[];
  /** MCP server configuration file, relative to `cwd`; mounted read-only in Docker. */
  mcpConfig?: string;
  /**
   * Ends the run after this many agentic turns, with reason `max_turns`. Positive integer; default unlimited. Claude's terminal
   * UI (`interactive`) has no such limit.
   */
  maxTurns?: number;
  /** What the session may spend. A session that spends more ends as `failed`. Default unlimited, except for the log (1 GiB). */
  limits?: SessionLimits;
  /** Whose login and money the session uses, instead of the manager's `account`. At most 200 characters. */
  account?: string;
  /** How the session goes on by itself after a failure that may pass. What it leaves out is the manager's `retry`. */
  retry?: false | RetryOptions;
  /** What happens when the account begins to pay extra usage, instead of the manager's `onOverage`. */
  onOverage?: OverageChoice;
  /** Tightens the manager's policy for this session. A setting that would loosen the policy is refused. */
  policy?: ToolPolicy;
  /**
   * `true` lets this session work on while no process is there, as `policy.onHostLost: 'allow'` does for all sessions of a
   * manager. Until a process is there again, nobody decides about its tool calls: each one runs after five seconds, also one that
   * the policy would deny. `docs/security.md` says what else is then undecided. Sessions that this one leads work on as well.
   * Refused with `INVALID_OPTIONS` if the manager's policy or `policy` sets `onHostLost: 'deny'`, or if the session that leads
   * this one is not detached. Default `false`.
   */
  detached?: boolean;
  /**
   * Cancels the session when the signal is aborted. If `create()` is still under way, `create()` rejects with the signal's own
   * reason.
   */
  signal?: AbortSignal;
}
