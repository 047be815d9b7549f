import type { Danger } from '../../../danger/index.js';
/** A tool call that was kept from running. */
export interface Denial {
  readonly toolUseId: string;
  readonly tool: string;
  /** As the agent gave it: agent-controlled. */
  readonly input: unknown;
  /** As the agent was told. */
  readonly reason: string;
  /** Who denied it: the policy, a person, the time limit of an approval, or the end of the run. */
  readonly by: 'policy' | ApprovalSource;
  readonly danger?: Danger;
}

/** Who answered an approval: a person, the time limit, or the end of the run. */
export type ApprovalSource = 'person' | 'timeout' | 'end';
