import { releaseQueue } from '../api.js';
import { revealed, timeAhead } from '../format.js';
import { useMayAct, usePage } from '../page-context.js';
import { useWork } from './use-work.js';

type Queue = NonNullable<ReturnType<typeof usePage>['queue']>;
type Hold = NonNullable<Queue['held']>;
type Window = NonNullable<Queue['windows']>[number];

/** What keeps sessions from starting, and what is left of the accounts' windows. */
export function Holds(): React.ReactNode {
  const { queue } = usePage();
  const { holds = [], windows = [] } = queue ?? {};
  if (holds.length === 0 && windows.length === 0) return null;
  return (
    <section className="holds" aria-label="Accounts">
      {holds.map((hold) => (
        <HoldLine key={hold.account ?? ''} hold={hold} />
      ))}
      {windows.length > 0 && (
        <ul className="windows">
          {windows.map((window) => (
            <li key={`${window.account} ${window.type}`} className={window.status}>
              {revealed(windowWords(window))}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function HoldLine({ hold }: { hold: Hold }): React.ReactNode {
  const mayAct = useMayAct();
  const { busy, error, run } = useWork();
  return (
    <div className="hold" role="alert">
      <p>
        <strong>The queue is held.</strong> {revealed(hold.message)}
        {hold.until !== undefined && ` It goes on by itself at ${timeAhead(hold.until)}.`}
      </p>
      <button type="button" disabled={busy || !mayAct} onClick={() => run(() => releaseQueue(hold.account))}>
        Release the queue
      </button>
      {error !== undefined && <p role="alert">{error}</p>}
    </div>
  );
}

function windowWords({ account, type, status, utilization, resetsAt, overage }: Window): string {
  const used = utilization === undefined ? [] : [`${Math.round(utilization * 100)} % used`];
  const state = status === 'rejected' ? ['used up'] : status === 'allowed_warning' ? ['almost used up'] : [];
  const reset = resetsAt === undefined ? [] : [`reset at ${timeAhead(resetsAt)}`];
  const words = [...used, ...state, ...(overage ? ['extra usage is paid'] : []), ...reset];
  return `${account}, ${type.replaceAll('_', ' ')}: ${words.join(', ') || 'open'}`;
}
