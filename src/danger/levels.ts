import type { Danger, DangerContext } from './danger.js';

/**
 * Rules for losses that can be undone, or that only concern what the agent itself has made. In a container they only warn. If a
 * similar loss cannot be undone, another rule reports it. Such rules are not listed here.
 */
export const RECOVERABLE: ReadonlySet<string> = new Set([
  'git.discard-changes',
  'git.branch-delete',
  'git.tag-delete',
  'git.rm-force',
  'containers.remove',
  'database.development',
  'delete.build-part',
  'files.outside-workspace',
]);

export const MOST_SEVERE = 3;

/** Orders dangers before it is known whether the agent works in a container: a loss that can be undone is the smaller one. */
export function severity({ level, rule }: Danger): number {
  if (level === 'warning') return 1;
  return RECOVERABLE.has(rule) ? 2 : MOST_SEVERE;
}

/** The danger with its level for this context. The reason names paths relative to the workspace. */
export function levelled(danger: Danger, { container = true, workspace }: DangerContext): Danger {
  const level = container && RECOVERABLE.has(danger.rule) ? 'warning' : danger.level;
  return { ...danger, level, reason: fromWorkspace(danger.reason, workspace.replace(/\/+$/, '')) };
}

function fromWorkspace(reason: string, workspace: string): string {
  if (workspace === '' || !reason.includes(workspace)) return reason;
  return reason
    .split(/( )/)
    .map((word) => {
      if (word.startsWith(`${workspace}/`)) return word.slice(workspace.length + 1);
      const end = word.slice(workspace.length);
      return word.startsWith(workspace) && /^[,.;:]?$/.test(end) ? `the workspace${end}` : word;
    })
    .join('');
}
