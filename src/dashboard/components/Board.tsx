import { useMemo } from 'react';
import type { AutonomousSession } from '../../handlers/index.js';
import { needsPerson } from '../../handlers/needs-person.js';
import { below, type Families, familiesOf } from '../family.js';
import { costText, duration, revealed } from '../format.js';
import { usePage } from '../page-context.js';
import { sessionHref } from '../route.js';
import { isOver, segmentsOf, timeOf } from '../segments.js';
import { changesLine } from './Changes.js';
import { Contained } from './Contained.js';
import { Detached } from './Detached.js';
import { Mode } from './Mode.js';
import { Nothing } from './Nothing.js';
import { SessionCard } from './SessionCard.js';
import { StateLabel } from './StateLabel.js';
import { VirtualList } from './VirtualList.js';

/** All sessions at a glance; those that need a person come first. */
export function Board(): React.ReactNode {
  const { sessions } = usePage();
  const groups = useMemo(() => grouped(sessions.values()), [sessions]);
  const families = useMemo(() => familiesOf(sessions), [sessions]);
  if (sessions.size === 0) {
    return <Nothing>No sessions yet. Start one.</Nothing>;
  }
  return (
    <>
      <Cards title="Needs you" className="attention" sessions={groups.waiting} families={families} />
      <Cards title="Running" sessions={groups.running} families={families} />
      {groups.queued.length > 0 && (
        <section className="group">
          <h2>
            Queued <span>{groups.queued.length}</span>
          </h2>
          <ol className="queue">
            {groups.queued.map((session) => (
              <li key={session.id}>
                <Row session={session} />
              </li>
            ))}
          </ol>
        </section>
      )}
      {groups.ended.length > 0 && (
        <section className="group">
          <h2>
            Ended <span>{groups.ended.length}</span>
          </h2>
          <VirtualList
            label="Ended sessions"
            className="ended"
            items={groups.ended}
            keyOf={({ id }) => id}
            rowHeight={44}
            row={(session) => <Row session={session} />}
          />
        </section>
      )}
    </>
  );
}

interface CardsProps {
  title: string;
  sessions: readonly AutonomousSession[];
  families: Families;
  className?: string;
}

function Cards({ title, sessions, families, className = '' }: CardsProps): React.ReactNode {
  if (sessions.length === 0) return null;
  return (
    <section className={`group ${className}`}>
      <h2>
        {title} <span>{sessions.length}</span>
      </h2>
      <div className="cards">
        {sessions.map((session) => (
          <Contained key={session.id}>
            {/* Undefined instead of a new empty array, which would redraw the card although nothing has changed. */}
            <SessionCard
              session={session}
              descendants={families.has(session.id) ? below(session.id, families) : undefined}
            />
          </Contained>
        ))}
      </div>
    </section>
  );
}

function Row({ session }: { session: AutonomousSession }): React.ReactNode {
  const { id, taskId, environment, stats, result } = session;
  const ran = timeOf('running', segmentsOf(session, session.endedAt ?? 0));
  return (
    <div className="row" data-session={id}>
      <StateLabel session={session} />
      <span className="name">
        <a href={sessionHref(id)}>{revealed(taskId)}</a> <Mode session={session} /> <Detached session={session} />
      </span>
      {environment.branch !== undefined && <span className="branch">{revealed(environment.branch)}</span>}
      <span className="said">
        {result?.changes && <b>{changesLine(result.changes)} </b>}
        {revealed(result?.error ?? stats.lastOutput ?? '')}
      </span>
      <span className="figures">
        {costText(stats)}
        {isOver(session.state) && ` · ${duration(ran)}`}
      </span>
    </div>
  );
}

type Groups = Record<'waiting' | 'running' | 'queued' | 'ended', AutonomousSession[]>;

function grouped(sessions: Iterable<AutonomousSession>): Groups {
  const groups: Groups = { waiting: [], running: [], queued: [], ended: [] };
  for (const session of sessions) {
    const { state } = session;
    if (isOver(state)) groups.ended.push(session);
    else if (state === 'queued') groups.queued.push(session);
    else if (needsPerson(session)) groups.waiting.push(session);
    else groups.running.push(session);
  }
  // The session that asked first comes first, so that nothing moves when another session asks. Sessions that wait at a terminal
  // ask nothing and come after them.
  groups.waiting.sort((a, b) => askedAt(a) - askedAt(b));
  groups.queued.sort(
    (a, b) => (a.queuePosition ?? Number.POSITIVE_INFINITY) - (b.queuePosition ?? Number.POSITIVE_INFINITY),
  );
  groups.ended.sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
  return groups;
}

function askedAt({ approvals, questions }: AutonomousSession): number {
  return Math.min(...[approvals[0], questions[0]].map((first) => first?.askedAt ?? Number.MAX_SAFE_INTEGER));
}
