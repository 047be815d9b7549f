import type { SessionMode } from 'autonomous-orchestration';

/** Every mode, in the order of the README's table. */
export const MODES = [
  'autonomous',
  'interactive',
  'planning',
  'worktree',
  'orchestration',
] as const satisfies readonly SessionMode[];

/** What every mode has to do in the same way, with its text in the README's table. */
const CHECKS = {
  session: '**ChannelCoder session**: record, events in order, tool calls, cost',
  continue: 'continued with feedback: same conversation, further run',
  docker: '**Docker**: own container, frozen and resumed, nothing left of a cancelled one',
  queue: '**Queue**: waits for a slot, and gives it back',
  interface: '**Unified interface**: steered while it works',
  guard: 'a denied tool call does not run',
  recover: 'taken over from a process that was killed',
} as const;

export type Check = keyof typeof CHECKS;
export const CHECK_NAMES = Object.keys(CHECKS) as readonly Check[];

/** The README's table of what works in which mode. */
export function tableOf(holds: (mode: SessionMode, check: Check) => boolean): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const mark = (mode: SessionMode, check: Check): string => (holds(mode, check) ? '✅' : '❌');
  return [
    row(['', ...MODES]),
    row(['---', ...MODES.map(() => ':-:')]),
    ...(Object.entries(CHECKS) as [Check, string][]).map(([check, words]) =>
      row([words, ...MODES.map((mode) => mark(mode, check))]),
    ),
  ].join('\n');
}
