import type { Danger } from '../../../danger/index.js';
/** A tool call that was prevented from running. */
export interface Denial {
  readonly toolUseId: string;
  readonly tool: string;
  /** The input as the agent gave it: agent-controlled. */
  readonly input: unknown;
  /** The reason as the agent was told it. */
  readonly reason: string;
  /** Who denied it: the policy, a person, the time limit of an approval, or the end of the run. */
  readonly by: 'policy' | ApprovalSource;
  readonly danger?: Danger;
}

/** Who answered an approval: a person, the time limit, or the end of the run. */
export type ApprovalSource = 'person' | 'timeout' | 'end';
