import type { Danger } from '../../../danger/index.js';
import type { UnpricedUsage } from './model-price.js';

/** What was observed in the log. The size is bounded: totals count everything, lists keep only the latest. */
export interface SessionMetadata {
  /** Number of the agent's messages. A message that spans several log lines counts once. */
  readonly messages: number;
  readonly lastActivity?: number;
  readonly lastMessage?: string;
  /** The latest 20 messages, including those of the person in an `interactive` session. Each is cut at 4,000 characters. */
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
   * The latest 50 dangers of three kinds: dangerous tool calls, whether they ran or not (`toolsUsed` and `session:denied` tell
   * which); calls that bypassed the guard; and things that were planted for git on the machine.
   */
  readonly dangers: readonly DangerRecord[];
  /** The latest 20 log lines that were not stream-json: entrypoints, stderr. */
  readonly diagnostics: readonly string[];
  /** Agentic turns, over all runs. */
  readonly turns?: number;
  /** US dollars, over all runs. Absent while a part of it is not known, see `unpriced`. */
  readonly costUsd?: number;
  /** Set instead of `costUsd` while the price of a model in one of the runs is not known. Over all runs. */
  readonly unpriced?: UnpricedUsage;
  /** Over all runs. */
  readonly tokens?: TokenUsage;
  readonly model?: string;
  readonly claudeVersion?: string;
}

/** A message. Agent-controlled text: show it as text only. */
export interface SessionMessage {
  readonly at: number;
  readonly text: string;
  /** Set if a person said it to the agent of an `interactive` session, at its terminal or through `steer()`. */
  readonly by?: 'person';
  /** The tool call whose subagent wrote it. */
  readonly parentToolUseId?: string;
}

/** One tool call of the agent. */
export interface ToolUsageRecord {
  readonly id: string;
  readonly name: string;
  /** The input as the agent gave it, cut to about 4,000 characters. The event has the whole input, with no limit. */
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
  /** The id for `approve` and `deny`. */
  readonly requestId: string;
  readonly toolUseId: string;
  readonly tool: string;
  /** The whole input, so that nobody approves something unseen. Agent-controlled: show it as text only. */
  readonly input: unknown;
  readonly danger?: Danger;
  readonly askedAt: number;
  /** If nobody has answered by this time, the call is denied. A pause of the session moves this time to later. */
  readonly deadline: number;
}

/**
 * A danger of one of three kinds: a dangerous tool call; a call that bypassed the guard (rule `guard.bypassed`), whatever it
 * did; or something that was planted for git on the machine (rule `git.planted`), which is not a call.
 */
export interface DangerRecord extends Danger {
  readonly at: number;
  /** `git` for something that was planted. `unknown` if the log reports a call that cannot be read. */
  readonly tool: string;
  /** Empty for something that was planted. `unknown` in the same case as for `tool`. */
  readonly toolUseId: string;
}

/** How a tool call ended. `denied` means that it was prevented from running. */
export type ToolOutcome = 'ok' | 'error' | 'denied';

/** How much an error matters to a person who watches. {@link ClassifiedError} lists which error has which severity. */
export type ErrorSeverity = 'critical' | 'warning' | 'info';

/** Something that went wrong inside a session. The session may well go on. */
export interface ClassifiedError {
  /** Follows from the `code`. */
  readonly severity: ErrorSeverity;
  /** The subject of the error. docs/guide.md has a list of the codes. */
  readonly code: string;
  /** What happened. Cut at 1,000 characters. */
  readonly message: string;
  /** What a person can do about it. Absent if it is for the agent to deal with, as with a test that fails. */
  readonly nextStep?: string;
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
