import type { AutonomousSession } from '../../handlers/index.js';
import { revealed } from '../format.js';
import { useDetails } from '../page-context.js';

/** A session's typed result, which lists hold only if it is short. */
export function Output({ session }: { session: AutonomousSession }): React.ReactNode {
  const { id, endedAt, result } = session;
  const details = useDetails(id, String(endedAt));
  const output = result?.output ?? (details?.endedAt === endedAt ? details?.result?.output : undefined);
  if (output === undefined) return null;
  return (
    <section className="group" aria-label="Result">
      <h2>Result</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box has to be reachable by keyboard */}
      <pre className="plan" tabIndex={0}>
        {revealed(JSON.stringify(output, undefined, 2))}
      </pre>
    </section>
  );
}
