import type { AutonomousSession } from '../../handlers/index.js';
import { duration } from '../format.js';
import { segmentsOf, timeOf } from '../segments.js';

interface Props {
  session: AutonomousSession;
  now: number;
  /** The span of time that the bar's whole width stands for. Default: the session's own time. */
  from?: number;
  to?: number;
}

/** A session's time as a bar: queued, starting, running, waiting, paused. */
export function RunBar({ session, now, from, to }: Props): React.ReactNode {
  const segments = segmentsOf(session, now);
  const start = from ?? session.createdAt;
  const end = to ?? segments.at(-1)?.to ?? now;
  const width = Math.max(1, end - start);
  const kinds = [...new Set(segments.map(({ kind }) => kind))];
  const label = kinds.map((kind) => `${kind} ${duration(timeOf(kind, segments))}`).join(', ');
  return (
    <div className="bar" role="img" aria-label={`Time: ${label || 'not begun'}`} title={label}>
      {segments.map(({ kind, from, to, run }) => {
        const left = Math.max(0, (from - start) / width);
        const right = Math.min(1, (to - start) / width);
        if (right <= left) return null;
        return (
          <span
            key={`${run}-${kind}-${from}`}
            className={kind}
            style={{ left: `${left * 100}%`, width: `max(2px, ${(right - left) * 100}%)` }}
          />
        );
      })}
    </div>
  );
}
