import { ClaudeEventReader } from '../src/core/orchestration/monitoring/claude-events.js';
import { DEFAULT_POLICY } from '../src/core/orchestration/session/policy.js';
import { SessionJournal } from '../src/core/orchestration/store/disk/session-journal.js';
import { SessionStore } from '../src/core/orchestration/store/store.js';
import { SYSTEM_CLOCK } from '../src/core/orchestration/util/clock.js';
import { answer, collectGarbage } from './support/child.js';
import { type Figure, quote, withUnit } from './support/figure.js';
import { LogLines } from './support/log-lines.js';

/** A multiple of the period after which kinds of lines, tools and errors repeat. */
const FEW = 1_008;
const MANY = 100_800;
const ID = 'record';

interface Size {
  readonly json: number;
  /** The used heap of the process in bytes. It includes long strings of which only a slice is still needed. */
  readonly heap: number;
}

/** The sizes of a record after each number of log lines. The lines repeat their contents, so that only growth shows. */
function sizesAfter(counts: readonly number[]): Size[] {
  // The journal writes nothing to the disk, because the session was never begun there.
  const journal = new SessionJournal({ docker: {}, policy: DEFAULT_POLICY });
  const store = new SessionStore(SYSTEM_CLOCK, { tell: () => {} }, journal);
  const environment = { docker: false, dockerImage: '', cwd: '/workspace' };
  store.dispatch(ID, { type: 'created', at: Date.now(), session: { id: ID, mode: 'autonomous', environment } });
  store.dispatch(ID, { type: 'launching', at: Date.now() });
  store.dispatch(ID, { type: 'running', at: Date.now() });
  const reader = new ClaudeEventReader();
  const lines = new LogLines();
  let seen = 0;
  return counts.map((count) => {
    for (; seen < count; seen++) {
      if (seen % FEW === 0) lines.rewind();
      const observations = reader.read(JSON.parse(lines.next()));
      store.dispatch(ID, { type: 'observed', at: Date.now(), observations });
    }
    collectGarbage();
    const heap = process.memoryUsage().heapUsed;
    return { json: JSON.stringify(store.registry.get(ID)).length, heap };
  });
}

const [few, many] = sizesAfter([FEW, MANY]);
if (!few || !many) throw new Error('Nothing was measured.');

answer([
  {
    what: `monitor: record as JSON after ${quote(MANY)} events against ${quote(FEW)}`,
    measured: withUnit(many.json / 1_000, 'kB'),
    reference: withUnit(few.json / 1_000, 'kB'),
    value: many.json / few.json,
    unit: '×',
    target: { most: 1.1 },
  },
  {
    what: `monitor: heap of the process after ${quote(MANY)} events against ${quote(FEW)}`,
    measured: withUnit(many.heap / 1e6, 'MB'),
    reference: withUnit(few.heap / 1e6, 'MB'),
    value: many.heap / few.heap,
    unit: '×',
    target: { most: 1.1 },
  },
] satisfies Figure[]);
