import type { Outline } from './outline.js';
import type { UnifiedSession } from './record.js';
import type { Sessions } from './sessions.js';

/** The records of a manager or client, for those who must not block the event loop, however many there are. */
export interface RecordsSource {
  /** All records as they are now, oldest first, to be read one at a time. Go through all of them, or end the iteration. */
  snapshot(): Iterable<UnifiedSession>;
  /** What is known of all sessions without a read from the disk, oldest first. */
  outlines(): readonly Outline[];
  get(id: string): UnifiedSession | undefined;
}

/** The method of managers and clients that gives their records. Not for users: `list()` is for them. Undefined if `list()` has to be asked. */
export const RECORDS = Symbol.for('autonomous-orchestration.records');

/** The records of any object with the methods of a manager. */
export function recordsOf(
  sessions: Sessions & { readonly [RECORDS]?: () => RecordsSource | undefined },
): RecordsSource {
  return (
    sessions[RECORDS]?.() ?? {
      snapshot: () => sessions.list(),
      outlines: () => sessions.list(),
      get: (id) => sessions.get(id),
    }
  );
}
