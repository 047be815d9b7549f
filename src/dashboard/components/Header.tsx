import { useMemo } from 'react';
import { totalTokens } from '../../core/orchestration/session/observation.js';
import { needsPerson } from '../../handlers/needs-person.js';
import { costOf } from '../family.js';
import { costText, count, plural, usd } from '../format.js';
import { useMayAct, usePage } from '../page-context.js';
import type { Route } from '../route.js';

interface Props {
  page: Route['page'];
  onFind: () => void;
  onStart: () => void;
}

const LINK = 'open the link that the server printed';
const CONNECTIONS = {
  connecting: 'connecting',
  live: 'live',
  lost: 'connection lost, trying again',
  refused: `no access: ${LINK}`,
} as const;

export function Header({ page, onFind, onStart }: Props): React.ReactNode {
  const { sessions, queue, connection } = usePage();
  const mayAct = useMayAct();
  const totals = useMemo(() => {
    let [waiting, tokens] = [0, 0];
    for (const session of sessions.values()) {
      if (needsPerson(session)) waiting++;
      if (session.tokens) tokens += totalTokens(session.tokens);
    }
    return { waiting, cost: costText(costOf(sessions.values())), tokens };
  }, [sessions]);
  return (
    <header className="top">
      {page !== 'session' && <h1 className="hidden">Sessions</h1>}
      <nav aria-label="Views">
        <a href="#/" aria-current={page === 'board' ? 'page' : undefined}>
          Board
        </a>
        <a href="#/timeline" aria-current={page === 'timeline' ? 'page' : undefined}>
          Time line
        </a>
      </nav>
      <dl className="totals">
        {totals.waiting > 0 && (
          <Total name={totals.waiting === 1 ? 'needs you' : 'need you'} value={String(totals.waiting)} attention />
        )}
        <Total name="running" value={queue ? `${queue.running} of ${queue.maxConcurrent}` : '–'} />
        <Total name="queued" value={queue ? `${queue.queued} of ${queue.maxQueued}` : '–'} />
        <Total name="tokens" value={count(totals.tokens)} />
        <Total name="cost" value={totals.cost ?? usd(0)} />
      </dl>
      <p className="hidden" role="status">
        {totals.waiting > 0 && `${plural(totals.waiting, 'session')} waiting for you`}
      </p>
      <p className={`connection ${connection}`} role="status">
        <span className="dot" aria-hidden="true" />
        {CONNECTIONS[connection]}
        {!mayAct && connection === 'live' && ` · read only: ${LINK}`}
      </p>
      <div className="buttons">
        <button type="button" onClick={onFind} aria-keyshortcuts="Control+K">
          Find <kbd>Ctrl K</kbd>
        </button>
        <button type="button" className="primary" onClick={onStart} disabled={!mayAct}>
          Start a session
        </button>
      </div>
    </header>
  );
}

function Total({ name, value, attention }: { name: string; value: string; attention?: boolean }): React.ReactNode {
  return (
    <div className={attention ? 'attention' : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
