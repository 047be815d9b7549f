import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LiveRecord } from '../../../../src/core/orchestration/run/live-record.js';
import type { SessionEvent } from '../../../../src/core/orchestration/session/events.js';
import type { Observed } from '../../../../src/core/orchestration/session/metadata-reducer.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import { SessionJournal } from '../../../../src/core/orchestration/store/disk/session-journal.js';
import { SessionStore } from '../../../../src/core/orchestration/store/store.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { observation } from '../../../support/observations.js';
import { runningSession } from '../../../support/sessions.js';

/** A record with everything that is told of it. */
function scene() {
  const events: SessionEvent[] = [];
  const session = runningSession();
  const tell = (event: SessionEvent): void => {
    events.push(event);
    expect('session' in event && event.session, 'the record after the change').toBe(store.registry.require(session.id));
  };
  const clock = { now: () => 9 };
  const store: SessionStore = new SessionStore(clock, { tell }, new SessionJournal({} as never));
  store.registry.set(session);
  return { record: new LiveRecord(session.id, store, clock), store, events };
}

/** What an event tells besides the record. */
const tells = (event: SessionEvent): object => ({ ...event, session: undefined });

const line = fc.record({
  // More calls in one turn than a record keeps.
  observations: fc.oneof(
    fc.array(observation, { maxLength: 4 }),
    fc.array(observation, { minLength: 150, maxLength: 160 }),
  ),
  later: fc.constantFrom(0, 0, 0, 1),
  replayed: fc.constantFrom(true, true, true, false),
  after: fc.constantFrom('next', 'next', 'next', 'turn', 'read', 'dispatch'),
});

it('lines that are added together give the same record and the same events in the same order as each alone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
      const [together, alone] = [scene(), scene()];
      let at = 100;
      for (const { observations, later, replayed, after } of lines) {
        at += later;
        const seen: Observed = { at, observations, ...(replayed && { replayed: true }) };
        expect(together.record.observe(seen)).toBe(true);
        alone.record.dispatch({ type: 'observed', ...seen });
        if (after === 'turn') await Promise.resolve();
        if (after === 'read') expect(together.record.session).toEqual(alone.record.session);
        for (const { record } of after === 'dispatch' ? [together, alone] : [])
          record.dispatch({ type: 'steered', at, message: 'Go on' });
      }
      await Promise.resolve();
      const record = ({ store }: typeof together): UnifiedSession => store.registry.require('session');
      expect(record(together)).toEqual(record(alone));
      expect(unfrozenParts(record(together))).toEqual([]);
      expect(together.events.map(tells)).toEqual(alone.events.map(tells));
    }),
    { numRuns: 150 },
  );
});

it('a record that was handed out stays as it is while further lines are added', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(observation, { maxLength: 6 }), { maxLength: 12 }), async (turns) => {
      const { record } = scene();
      const kept: { session: UnifiedSession; copy: UnifiedSession }[] = [];
      for (const observations of turns) {
        record.observe({ at: 5, observations });
        const { session } = record;
        kept.push({ session, copy: structuredClone(session) });
      }
      for (const { session, copy } of kept) expect(session).toEqual(copy);
    }),
    { numRuns: 100 },
  );
});
