import type { AutonomousSession } from '../../handlers/index.js';

const MEANING =
  'This session works on while no process manages it. Nobody decides about its tool calls then, not even about those that the policy would deny.';

/** Shows that a session works on while no process is there. */
export function Detached({ session: { detached } }: { session: AutonomousSession }): React.ReactNode {
  return detached ? (
    <span className="mode" title={MEANING}>
      detached
    </span>
  ) : null;
}
