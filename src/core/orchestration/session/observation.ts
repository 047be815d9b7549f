import type { Danger } from '../../../danger/index.js';
import type { FailureCause } from './failure-causes.js';
import type { ErrorSeverity, TokenUsage, ToolOutcome } from './metadata.js';
import type { SetupObservation } from './setup.js';

/** What one log line reports, in our own vocabulary. A line may report several things, or nothing. */
export type Observation =
  | SetupObservation
  | {
      readonly kind: 'init';
      readonly conversationId: string;
      readonly model?: string;
      readonly claudeVersion?: string;
      /** Where Claude has its login from: the name of a variable, `none` for a login that Claude itself keeps. */
      readonly keySource?: string;
    }
  | {
      readonly kind: 'message';
      readonly text: string;
      /** False for a further part of a message that is already counted. */
      readonly first: boolean;
      readonly parentToolUseId?: string;
    }
  /** A person said something to the agent. */
  | { readonly kind: 'prompt'; readonly text: string }
  /** The agent has done what it was told, and waits for a person. `hooked` is true if a hook of Claude's reports that, too. */
  | { readonly kind: 'turn-end'; readonly hooked: boolean }
  | {
      readonly kind: 'tool';
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
      readonly parentToolUseId?: string;
      /** Absent if the call is not dangerous. */
      readonly danger?: Danger;
    }
  | {
      readonly kind: 'tool-result';
      readonly toolUseId: string;
      readonly outcome: ToolOutcome;
      readonly output: string;
      /** The line with the result was too long to be read. The call's id is known, but not how the call ended. */
      readonly skipped?: true;
    }
  | {
      readonly kind: 'usage';
      readonly added: TokenUsage;
      /** At known prices, in US dollars. Absent for a model whose price is not known. */
      readonly costUsd?: number;
      /** The model, if its price is not known. */
      readonly unpriced?: string;
    }
  /** What the provider told about one of the account's windows. */
  | {
      readonly kind: 'usage-window';
      /** Absent if the provider did not name the window. */
      readonly type?: string;
      readonly status: 'allowed' | 'allowed_warning' | 'rejected';
      readonly utilization?: number;
      /** When the window is reset, in epoch milliseconds. */
      readonly resetsAt?: number;
      /** True if the account pays extra for what it uses. Then requests are answered, even if the window is used up. */
      readonly overage?: true;
    }
  /** A request to the provider failed. Claude tries again by itself, or gives up (`final`). */
  | {
      readonly kind: 'request-failed';
      /** Absent if it is none of the known causes. */
      readonly cause?: FailureCause;
      readonly final: boolean;
      readonly text: string;
    }
  /** The account pays extra for what the session uses. Told once in a run. */
  | { readonly kind: 'overage'; readonly resetsAt?: number }
  /**
   * The log was tampered with. Either a line about a tool call cannot be read, because something was written into it or in
   * front of it, or lines are missing.
   */
  | { readonly kind: 'tampered' }
  /** A tool call ran without a decision of the guard. `neverAsked` is set if no call of the run has asked. */
  | {
      readonly kind: 'breach';
      readonly id: string;
      readonly name: string;
      readonly danger: Danger;
      readonly neverAsked?: true;
    }
  /** Something dangerous was found that is not a tool call. `name` says where. */
  | { readonly kind: 'danger'; readonly id: string; readonly name: string; readonly danger: Danger }
  | {
      readonly kind: 'error';
      readonly severity: ErrorSeverity;
      readonly code: string;
      readonly message: string;
      readonly toolUseId?: string;
      /** Set if a request to the model failed. */
      readonly request?: { readonly type?: string; readonly status?: number };
    }
  /** Claude begins a further turn by itself, because work in the background has ended. */
  | { readonly kind: 'turn-begin' }
  /** Work in the background began, or ended: a subagent, a command. `state` is `running` from its beginning. */
  | {
      readonly kind: 'task';
      readonly id: string;
      readonly state: TaskState;
      /** In words, for a person. */
      readonly what?: string;
      /** The tool call that began it. */
      readonly toolUseId?: string;
      /** False if its tool call waits for it. Absent if the log does not say. */
      readonly background?: boolean;
    }
  /** All work in the background that is under way now. It replaces what was known of it before. */
  | { readonly kind: 'tasks'; readonly running: readonly { readonly id: string; readonly what: string }[] }
  /** Claude shortens its conversation. That is one request, during which the log stays silent. */
  | { readonly kind: 'compacting'; readonly state: 'begun' | 'done' | 'failed' }
  | ResultObservation
  | { readonly kind: 'diagnostic'; readonly line: string };

/** What is known of work in the background. `stopped`: somebody ended it. */
export type TaskState = 'running' | 'completed' | 'failed' | 'stopped';

/** Claude's own account of how the run went. This is one of the two witnesses of a run's end. */
export interface ResultObservation {
  readonly kind: 'result';
  readonly subtype: string;
  readonly isError: boolean;
  readonly text?: string;
  /** Why the model's last message ended: `end_turn`, `tool_use`, `max_tokens`, … */
  readonly stopReason?: string;
  /** Why Claude Code's loop ended: `completed`, `prompt_too_long`, … Newer releases only. */
  readonly terminalReason?: string;
  /** The status code of the HTTP response to the last request, if that request failed. */
  readonly apiStatus?: number;
  readonly turns?: number;
  readonly costUsd?: number;
  readonly tokens?: TokenUsage;
  /** The typed result, as the log has it. Nobody has checked it yet, except for its size. */
  readonly output?: unknown;
  /** Why the typed result in the log was not taken. */
  readonly outputProblem?: string;
}

/** No tokens at all. */
export const NO_TOKENS: TokenUsage = Object.freeze({ input: 0, output: 0, cacheRead: 0, cacheCreation: 0 });

/** The sum of two counts. */
export function addTokens(a: TokenUsage, b: TokenUsage): TokenUsage {
  return Object.freeze({
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheCreation: a.cacheCreation + b.cacheCreation,
  });
}

/** All tokens together, including those of the cache. */
export function totalTokens({ input, output, cacheRead, cacheCreation }: TokenUsage): number {
  return input + output + cacheRead + cacheCreation;
}
