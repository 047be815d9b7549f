import type { Danger } from '../../src/danger/danger.js';
import { rateDanger } from '../../src/danger/rate-danger.js';

/** On the machine itself, where nothing is let off because it could be undone. */
export const context = { workspace: '/workspace', home: '/home/node', container: false };
const inContainer = { ...context, container: true };

/** What is found in a shell command. */
export function rate(command: string): Danger | undefined {
  return rateDanger({ tool: 'Bash', input: { command } }, context);
}

/** `critical git.reset-hard`, or `none`: short enough for tables. */
export function level(command: string): string {
  return rate(command)?.level ?? 'none';
}

/** The level inside and outside of a container: `none`, `critical`, or `warning/critical` where they differ. */
export function levels(command: string): string {
  const inside = rateDanger({ tool: 'Bash', input: { command } }, inContainer)?.level ?? 'none';
  const outside = level(command);
  return inside === outside ? inside : `${inside}/${outside}`;
}
