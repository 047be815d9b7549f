import { useState } from 'react';
import type { AutonomousSession } from '../../handlers/index.js';
import { revealed } from '../format.js';
import { useDetails, useMayAct } from '../page-context.js';
import { StartSession } from './StartSession.js';

/** A session's plan, with a button that starts a session to carry it out. */
export function Plan({ session }: { session: AutonomousSession }): React.ReactNode {
  const { id, endedAt, environment, result } = session;
  const details = useDetails(id, String(endedAt));
  const [starting, setStarting] = useState(false);
  const mayAct = useMayAct();
  // Lists have only the beginning of the plan. The details have all of it, but may still be those of an earlier run.
  const whole = details?.endedAt === endedAt ? details?.result?.text : undefined;
  return (
    <section className="group" aria-label="Plan">
      <h2>Plan</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box has to be reachable by keyboard */}
      <pre className="plan" tabIndex={0}>
        {revealed(whole ?? result?.text ?? '')}
      </pre>
      <button
        type="button"
        className="primary"
        disabled={!mayAct || whole === undefined}
        onClick={() => setStarting(true)}
      >
        Carry it out …
      </button>
      {starting && whole !== undefined && (
        <StartSession plan={{ id, text: whole, cwd: environment.cwd }} onClose={() => setStarting(false)} />
      )}
    </section>
  );
}
