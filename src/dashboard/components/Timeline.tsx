import { useId, useMemo, useState } from 'react';
import { duration, revealed, timeOfDay } from '../format.js';
import { useNow, usePage } from '../page-context.js';
import { sessionHref } from '../route.js';
import { RunBar } from './RunBar.js';
import { StateLabel } from './StateLabel.js';
import { VirtualList } from './VirtualList.js';

const HOUR_MS = 3_600_000;
const SPANS = { '15 minutes': HOUR_MS / 4, '1 hour': HOUR_MS, '6 hours': 6 * HOUR_MS, '1 day': 24 * HOUR_MS } as const;
const TICKS = 6;

/** Shows on one scale when each session was queued, starting, running, waiting and paused. */
export function Timeline(): React.ReactNode {
  const { sessions } = usePage();
  const now = useNow();
  const spanId = useId();
  const [span, setSpan] = useState<keyof typeof SPANS | 'all'>('all');
  const all = useMemo(() => [...sessions.values()].reverse(), [sessions]);
  const from = span === 'all' ? Math.min(now - 1_000, ...all.map(({ createdAt }) => createdAt)) : now - SPANS[span];
  const shown = all.filter(({ endedAt }) => endedAt === undefined || endedAt >= from);
  return (
    <section className="group timeline">
      <h2>
        Time line <span>{shown.length}</span>
      </h2>
      <p className="legend">
        <label htmlFor={spanId}>Last </label>
        <select id={spanId} value={span} onChange={({ target }) => setSpan(target.value as typeof span)}>
          <option value="all">all time</option>
          {Object.keys(SPANS).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        {(['queued', 'starting', 'running', 'waiting', 'paused'] as const).map((kind) => (
          <span key={kind} className="bar">
            <span className={kind} aria-hidden="true" /> {kind}
          </span>
        ))}
      </p>
      <div className="ticks" aria-hidden="true">
        {Array.from({ length: TICKS }, (_, index) => from + ((now - from) * index) / (TICKS - 1)).map((at) => (
          <span key={at}>{now - from < 24 * HOUR_MS ? timeOfDay(at) : `${duration(now - at)} ago`}</span>
        ))}
      </div>
      <VirtualList
        label="Time line of the sessions"
        className="lanes"
        items={shown}
        keyOf={({ id }) => id}
        rowHeight={40}
        row={(session) => (
          <div className="lane" data-session={session.id}>
            <a href={sessionHref(session.id)}>{revealed(session.taskId)}</a>
            <StateLabel session={session} />
            <RunBar session={session} now={now} from={from} to={now} />
          </div>
        )}
      />
    </section>
  );
}
