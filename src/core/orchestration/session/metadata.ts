import type { Danger } from '../../../danger/index.js';

/** What was observed in the log. Bounded: totals count everything, lists keep the latest. */
export interface SessionMetadata {
  /** Messages of the agent; one that spans several log lines counts once. */
  readonly messages: number;
  readonly lastActivity?: number;
  readonly lastMessage?: string;
  /** The latest 20 messages, those of an `interactive` session's person included; each cut at 4,000 characters. */
  readonly recentMessages: readonly SessionMessage[];
  /** The latest 100 tool calls. */
  readonly toolsUsed: readonly ToolUsageRecord[];
  /** All calls, by tool. Names beyond 200 distinct ones are counted under `other`. */
  readonly toolCounts: Readonly<Record<string, number>>;
  /** The latest 50 errors. */
  readonly errors: readonly ClassifiedError[];
  /** All errors, by severity. */
  readonly errorCounts: Readonly<Record<ErrorSeverity, number>>;
  /**
   * The latest 50: dangerous tool calls, run or not (`toolsUsed` and `session:denied` tell), calls that went past the guard,
   * and what was planted for git on the host.
   */
  readonly dangers: readonly DangerRecord[];
  /** The latest 20 log lines that were not stream-json: entrypoints, stderr. */
  readonly diagnostics: readonly string[];
  /** Agentic turns, over all runs. */
  readonly turns?: number;
  /** US dollars, over all runs. */
  readonly costUsd?: number;
  /** Over all runs. */
  readonly tokens?: TokenUsage;
  readonly model?: string;
  readonly claudeVersion?: string;
}

/** Something that was said. Agent-controlled text: show it as text only. */
export interface SessionMessage {
  readonly at: number;
  readonly text: string;
  /** Set where it was said to the agent of an `interactive` session, at its terminal or by `steer()`. */
  readonly by?: 'person';
  /** The tool call whose subagent wrote it. */
  readonly parentToolUseId?: string;
}

/** One tool call of the agent. */
export interface ToolUsageRecord {
  readonly id: string;
  readonly name: string;
  /** As the agent gave it, cut to some 4,000 characters. The event has all of it, unbounded. */
  readonly input: unknown;
  readonly startedAt: number;
  readonly durationMs?: number;
  readonly outcome?: ToolOutcome;
  /** Absent for a call that is not dangerous. */
  readonly danger?: Danger;
  /** The tool call whose subagent made it. */
  readonly parentToolUseId?: string;
}

/** A tool call that waits for a person's decision. */
export interface GuardRequest {
  /** What `approve` and `deny` take. */
  readonly requestId: string;
  readonly toolUseId: string;
  readonly tool: string;
  /** All of it, so that nothing is approved unseen. Agent-controlled: show it as text only. */
  readonly input: unknown;
  readonly danger?: Danger;
  readonly askedAt: number;
  /** When it is denied if nobody has answered; later where the session was paused meanwhile. */
  readonly deadline: number;
}

/**
 * A dangerous tool call; one that went past the guard (rule `guard.bypassed`), whatever it did; or what was planted for git
 * on the host (rule `git.planted`), which is no call.
 */
export interface DangerRecord extends Danger {
  readonly at: number;
  /** `git` for what was planted; `unknown` where the log tells of a call and cannot be read. */
  readonly tool: string;
  /** Empty for what was planted; `unknown` as `tool` is. */
  readonly toolUseId: string;
}

/** How a tool call ended; `denied`: it was kept from running. */
export type ToolOutcome = 'ok' | 'error' | 'denied';

/** How much an error matters to whoever watches; {@link ClassifiedError} has what is what. */
export type ErrorSeverity = 'critical' | 'warning' | 'info';

/** Something that went wrong inside a session, which may well go on. */
export interface ClassifiedError {
  /** Goes by the `code`. `info` is for what has none of those below. */
  readonly severity: ErrorSeverity;
  /**
   * What it is about, by its words:
   *
   * - `critical`: `auth`, `out_of_memory`, `disk_full`, `permission_denied`
   * - `warning`: `rate_limit`, `file_not_found`, `command_failed`; `retry`, a request that is tried again; `denied`, a tool
   *   call that was; `tool_failed` and `api_error`, any other tool call and request; `no_conclusion`, where the mode cannot
   *   say what came of the run
   */
  readonly code: string;
  /** Cut at 1,000 characters. */
  readonly message: string;
  readonly at: number;
  readonly toolUseId?: string;
}

/** Token counts as the Messages API reports them. */
export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheCreation: number;
}
