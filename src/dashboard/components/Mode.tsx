import type { AutonomousSession } from '../../handlers/index.js';

/** How a session runs, where that is not as most do. */
export function Mode({ session: { mode } }: { session: AutonomousSession }): React.ReactNode {
  return mode === 'autonomous' ? null : <span className="mode">{mode}</span>;
}
