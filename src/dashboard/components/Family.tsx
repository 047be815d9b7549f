import type { Descendant } from '../family.js';
import { costText, revealed } from '../format.js';
import { sessionHref } from '../route.js';
import { Mode } from './Mode.js';
import { StateLabel } from './StateLabel.js';
import { VirtualList } from './VirtualList.js';

/** A card has room for a few sessions only. */
const MOST_ON_CARD = 6;
/** Deeper sessions are not indented any further. */
const DEEPEST = 6;

/** All sessions below a session, as a tree. */
export function Family({ descendants }: { descendants: readonly Descendant[] }): React.ReactNode {
  return (
    <VirtualList
      label="Sessions below this one"
      className="family"
      items={descendants}
      keyOf={({ session }) => session.id}
      rowHeight={34}
      row={(one) => <Member descendant={one} />}
    />
  );
}

/** The first sessions below a session, for its card. */
export function FamilyOnCard({ id, descendants }: { id: string; descendants: readonly Descendant[] }): React.ReactNode {
  const more = descendants.length - MOST_ON_CARD;
  return (
    <ul className="family" aria-label="Sessions below this one">
      {descendants.slice(0, MOST_ON_CARD).map((one) => (
        <li key={one.session.id}>
          <Member descendant={one} />
        </li>
      ))}
      {more > 0 && (
        <li>
          <a href={sessionHref(id)}>{more} more</a>
        </li>
      )}
    </ul>
  );
}

function Member({ descendant: { session, depth } }: { descendant: Descendant }): React.ReactNode {
  const { id, taskId, stats } = session;
  return (
    <div className="member" style={{ paddingLeft: `${(Math.min(depth, DEEPEST) - 1) * 16}px` }}>
      <a href={sessionHref(id)}>{revealed(taskId)}</a>
      <Mode session={session} />
      <StateLabel session={session} />
      <span className="cost">{costText(stats)}</span>
    </div>
  );
}
