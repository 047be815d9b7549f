import type { Danger } from '../../../../../src/core/orchestration/intervention/danger/danger.js';
import { rateDanger } from '../../../../../src/core/orchestration/intervention/danger/rate-danger.js';

export const context = { workspace: '/workspace', home: '/home/node' };

/** What is found in a shell command. */
export function rate(command: string): Danger | undefined {
  return rateDanger({ tool: 'Bash', input: { command } }, context);
}

/** `critical git.reset-hard`, or `none`: short enough for tables. */
export function level(command: string): string {
  return rate(command)?.level ?? 'none';
}
