import type { InterpolationData } from 'channelcoder';
import type { CacheOption, PackageManager } from './caches.js';
import type { DockerOptions } from './docker-options.js';
import type { GitIdentityOption } from './git-identity.js';
import type { SessionLimits } from './limits.js';
import type { ModelChoice } from './model-choice.js';
import type { OutputSchema } from './output-schema.js';
import type { OverageChoice } from './overage.js';
import type { ToolPolicy } from './policy.js';
import type { QuestionMode } from './question.js';
import type { SessionDependency, SessionPriority } from './queue-plan.js';
import type { RetryOptions } from './retry.js';
import type { SetupCommand } from './setup.js';
import type { SessionMode } from './status.js';
import type { WorktreeRequest } from './worktree-request.js';

/** The model of a session, as an option that may change until `create()` is called. */
type OwnModelChoice = { -readonly [Key in keyof ModelChoice]: ModelChoice[Key] };

/**
 * What to run and where. Unknown keys are refused.
 *
 * @typeParam T the type of the session's result, which follows from `output`
 */
export interface CreateSessionOptions<T = unknown> extends OwnModelChoice {
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
  /**
   * Commands that run in the session's container before the agent begins, in this order, as the agent's user and in its working
   * directory, at the beginning of each run: `[{ run: 'npm ci' }]`. They get no input. What they do is told in events
   * (`session:setup`) and in `runs[].setup`. If one fails or takes longer than its `timeoutMs`, the session ends as `failed`, reason
   * `SETUP_FAILED`. No guard decides about them, and they may run programs that an earlier agent has left in the workspace. Default:
   * those of the session that leads this one if this one has a worktree, else those of the manager. `[]` for none. Refused with
   * `docker: false` and in the mode `planning`, which do not run the manager's either. At most 20.
   */
  setup?: readonly SetupCommand[];
  /**
   * Caches that later sessions of the same repository find again: the names of package managers, or folders of your own. The
   * package managers are told by variables, which `docker.env` outweighs. Each is a volume of the engine that one session at a time
   * has; sessions that run beside each other have a volume each. What an agent leaves in a cache, a later agent of the repository
   * uses; other repositories never get it. Default: those of the session that leads this one, else those of the manager. `[]` for
   * none. Refused with `docker: false`. At most 20.
   */
  caches?: readonly (PackageManager | CacheOption)[];
  /**
   * The form of the result. Claude gets the schema as a tool with which it gives its result, and this process checks the result
   * again. Then the result is in `result.output`. A JSON Schema may use draft-07 or 2020-12, has at most 64 KiB, and refers to its
   * own parts only; `format` is told to Claude and not checked. A Standard Schema (zod, …) types `result.output`: as its *input*,
   * because that is what the agent writes; `schema.parse(result.output)` applies its defaults and transformations. Its own check
   * is made as well while the process that created the session manages it. After a restart, and for a session of another process,
   * only its JSON Schema is checked. The result may have at most 256 KiB. Not in the modes `interactive` and `planning`.
   */
  output?: OutputSchema<T>;
  /**
   * How often the conversation is continued by itself, with the problems as feedback, if the result does not fit `output` or is
   * missing. After that, the session ends as `failed`, reason `invalid_output`. From 0 to 10; default 2.
   */
  outputRetries?: number;
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
  /**
   * What becomes of the questions that the agent asks (its tool `AskUserQuestion`). With `'ask'`, they wait for `answer()`, as
   * long as an approval may take (`policy.approvalTimeoutMs`). If nobody answers, the agent is told to decide for itself. With
   * `'decline'`, it is told so at once. In an `interactive` session the person at its terminal answers, whatever this says.
   * Default: that of the session that leads this one, else that of the manager (`'ask'`).
   */
  questions?: QuestionMode;
  /** What the session may spend. A session that spends more ends as `failed`. Default unlimited, except for the log (1 GiB). */
  limits?: SessionLimits;
  /** The name and address of the agent's commits, instead of the manager's `git`. */
  git?: GitIdentityOption;
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
   * Sessions of this manager that have to end before this one starts. With `on: 'completed'` (default) each has to end well:
   * otherwise this session ends as `failed`, reason `dependency_failed`, and so do those that come after it. With `on: 'ended'` it
   * does not matter how they end. Until then, the session is `queued` without a position, takes no slot, and lets later sessions
   * pass. If such a session is continued while this one still waits, this one waits for it again. While this one waits, they cannot
   * be removed. This one also waits for a session that failed as `auth` or `spend_limit` to be continued. A session that is led by
   * another one must not wait for its leader. At most 1,000. Default: none.
   */
  after?: readonly AfterSession[];
  /**
   * Which of the waiting sessions gets the next slot: one of the highest priority, and of these the one that came first. At most
   * nine starts in a row pass over the session that came first of all. Then that session starts, whatever its priority is. So every
   * session starts in the end. Sessions that have begun and only wait for a slot to go on go before all others. Default `'normal'`,
   * or the priority of the session that leads this one.
   */
  priority?: SessionPriority;
  /**
   * The session does not start before this time, in epoch milliseconds. If the machine was asleep then, the session starts within a
   * minute after it wakes. Until then, the session waits like one with `after`. Default: no such time.
   */
  notBefore?: number;
  /**
   * Cancels the session when the signal is aborted. If `create()` is still under way, `create()` rejects with the signal's own
   * reason.
   */
  signal?: AbortSignal;
}

/** A session that has to end before another one starts. */
export interface AfterSession {
  /** The id of a session of the same manager. */
  id: string;
  /** `completed`: it has to end well. `ended`: it has to end, however it goes. Default `'completed'`. */
  on?: SessionDependency['on'];
}
