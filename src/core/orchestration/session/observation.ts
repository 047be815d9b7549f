import type { Danger } from '../../../danger/index.js';
import type { ErrorSeverity, TokenUsage, ToolOutcome } from './metadata.js';
import type { ProviderFailure } from './provider-failure.js';

/** What one log line reports, in our own vocabulary. A line may report several things, or nothing. */
export type Observation =
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
      /** At list prices, in US dollars. Absent for a model whose price is not known. */
      readonly costUsd?: number;
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
      /** Absent if the failure is the request's own. */
      readonly failure?: ProviderFailure;
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
  /** A tool call bypassed the guard. */
  | { readonly kind: 'breach'; readonly id: string; readonly name: string; readonly danger: Danger }
  /** Something dangerous was found that is not a tool call. `name` says where. */
  | { readonly kind: 'danger'; readonly id: string; readonly name: string; readonly danger: Danger }
  | {
      readonly kind: 'error';
      readonly severity: ErrorSeverity;
      readonly code: string;
      readonly message: string;
      readonly toolUseId?: string;
    }
  | ResultObservation
  | { readonly kind: 'diagnostic'; readonly line: string };

/** Claude's own account of how the run went. This is one of the two witnesses of a run's end. */
export interface ResultObservation {
  readonly kind: 'result';
  readonly subtype: string;
  readonly isError: boolean;
  readonly text?: string;
  readonly turns?: number;
  readonly costUsd?: number;
  readonly tokens?: TokenUsage;
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
