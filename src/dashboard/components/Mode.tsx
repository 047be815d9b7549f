import type { AutonomousSession } from '../../handlers/index.js';

/** A session's mode. The usual mode, `autonomous`, is not shown. */
export function Mode({ session: { mode } }: { session: AutonomousSession }): React.ReactNode {
  return mode === 'autonomous' ? null : <span className="mode">{mode}</span>;
}
