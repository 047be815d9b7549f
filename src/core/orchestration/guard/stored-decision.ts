import type { Danger } from '../../../danger/index.js';
import type { Verdict } from '../session/policy.js';

/** A decision in the form in which it is kept on disk. */
export interface StoredDecision {
  readonly toolUseId: string;
  readonly tool: string;
  readonly fields: readonly (readonly [name: string, hash: string])[];
  readonly path?: string;
  readonly whole?: string;
  readonly verdict: Verdict;
  /** How the call is rated; `null` if it is not dangerous. Absent if the rating is not kept. */
  readonly danger?: Danger | null;
}
