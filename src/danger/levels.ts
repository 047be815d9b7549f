import type { Danger, DangerContext } from './danger.js';

/**
 * Rules for what can be undone, or loses only what the agent itself has made: in a container they only warn. A rule that also
 * reports what nobody brings back has a second name for that, which is not listed.
 */
const RECOVERABLE = new Set([
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

/** How one danger compares with another before the session is known: what can be undone is less than what cannot. */
export function severity({ level, rule }: Danger): number {
  if (level === 'warning') return 1;
  return RECOVERABLE.has(rule) ? 2 : MOST_SEVERE;
}

/** The danger as it counts for this session, its reason in words for people: paths as seen from the workspace. */
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
