import type { InterpolationData } from 'channelcoder';
import type { DockerOptions } from './docker-options.js';
import type { SessionLimits } from './limits.js';
import type { ToolPolicy } from './policy.js';
import type { SessionMode } from './status.js';
import type { WorktreeRequest } from './worktree-request.js';

/** What to run and where. Unknown keys are refused. */
export interface CreateSessionOptions {
  /** Which executor runs the session. Default `'autonomous'`. */
  mode?: SessionMode;
  /**
   * The prompt as literal text, sent byte for byte; in `interactive` at most 120,000 bytes. Exactly one of `prompt` and
   * `promptFile` is given, or neither where the plan of `parentId` is to be carried out.
   */
  prompt?: string;
  /**
   * A ChannelCoder prompt file (Markdown with optional YAML front matter and `{variables}`), relative to `cwd`.
   * It is read once, when the session is created. In `interactive` it may come to at most 120,000 bytes: more of them end
   * the run as `failed`, reason `INVALID_OPTIONS`.
   */
  promptFile?: string;
  /** Values for the variables of `promptFile`, checked against the `input` schema of its front matter. */
  data?: InterpolationData;
  /** The user's own id of the work this session belongs to, at most 500 characters; `list({ taskId })` finds it. */
  taskId?: string;
  /**
   * The session that this one was created for; `list({ parentId })` finds it. It works where that one does, unless `cwd`
   * says otherwise. One that leads (`orchestration`) hands down container, policy and limits as well, which can only be
   * tightened; one that has made a plan (`planning`) hands that down as the prompt. An id that this manager does not know is
   * only a label, of at most 500 characters: nothing is inherited.
   */
  parentId?: string;
  /**
   * The workspace, mounted at `/workspace`; writable, unless the mode is `planning`. Default that of the session which
   * `parentId` names, else `process.cwd()`.
   */
  cwd?: string;
  /** Runs the session in a git worktree of the workspace's repository instead of the workspace itself. */
  worktree?: string | WorktreeRequest;
  /**
   * Folders that the session may not leave, as real paths: `cwd`, the repository of a worktree, the git folders of `cwd` and
   * the worktree itself have to lie in one of them, and are checked again at the start of each run. A worktree that would be
   * made beside a repository, outside of them, is made in the repository's folder `.worktrees`. Sessions that this one leads
   * inherit them. Default: anywhere.
   */
  workspaces?: string[];
  /**
   * `false` runs the `claude` of the `PATH` on the host, with the user's own permissions (never skipped) and no
   * isolation. An object overrides the manager's `docker` defaults for this session.
   */
  docker?: false | Partial<DockerOptions>;
  /** System prompt that replaces Claude's own. */
  system?: string;
  /** Text added to Claude's system prompt. */
  appendSystem?: string;
  /**
   * Tools that run without asking (`--allowedTools`). Those whose work is in no log (`Workflow`, `RemoteTrigger`, `REPL`, …) are on
   * only where they are named here.
   */
  tools?: string[];
  /** Tools that Claude may not use (`--disallowedTools`). */
  disallowedTools?: string[];
  /** MCP server configuration file, relative to `cwd`; mounted read-only in Docker. */
  mcpConfig?: string;
  /**
   * Ends the run after this many agentic turns with reason `max_turns`. Positive integer; default unlimited. Claude's
   * terminal UI (`interactive`) knows no such limit.
   */
  maxTurns?: number;
  /** What the session may spend. What goes beyond ends it as `failed`. Default unlimited, but for its log (1 GiB). */
  limits?: SessionLimits;
  /** Tightens the manager's policy for this session; what would loosen it is refused. */
  policy?: ToolPolicy;
  /** Cancels the session when aborted; where `create()` is still under way, that rejects with the signal's own reason. */
  signal?: AbortSignal;
}
