import type { Danger } from '../../src/danger/index.js';
import { rateDanger } from '../../src/danger/index.js';

/** The agent works on the machine itself, where losses that can be undone are critical as well. */
export const context = { workspace: '/workspace', home: '/home/node', container: false };
const inContainer = { ...context, container: true };

/** The danger of a shell command. */
export function rate(command: string): Danger | undefined {
  return rateDanger({ tool: 'Bash', input: { command } }, context);
}

/** The level of a shell command: `none`, `warning` or `critical`. */
export function level(command: string): string {
  return rate(command)?.level ?? 'none';
}

/** The level inside and outside of a container: `none`, `critical`, or `warning/critical` where they differ. */
export function levels(command: string): string {
  const inside = rateDanger({ tool: 'Bash', input: { command } }, inContainer)?.level ?? 'none';
  const outside = level(command);
  return inside === outside ? inside : `${inside}/${outside}`;
}
