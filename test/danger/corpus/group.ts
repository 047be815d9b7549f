import type { DangerLevel } from '../../../src/danger/index.js';

/** Commands that deserve the same rating for the same reason. */
export interface Group {
  readonly level: DangerLevel;
  /** Why the commands deserve this level. */
  readonly why: string;
  readonly commands: readonly string[];
}
