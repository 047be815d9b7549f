import { expect, it } from 'vitest';
import { LiveRecord } from '../../../../src/core/orchestration/run/live-record.js';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { SessionJournal } from '../../../../src/core/orchestration/store/disk/session-journal.js';
import { SessionStore } from '../../../../src/core/orchestration/store/store.js';
import { runningSession } from '../../../support/sessions.js';

const said = (text: string): Observation => ({ kind: 'message', text, first: true });

function scene() {
  const changes: SessionAction[] = [];
  const clock = { now: () => 9 };
  const store = new SessionStore(clock, { tell() {} }, new SessionJournal({} as never));
  store.registry.set(runningSession());
  const record = new LiveRecord('session', store, clock);
  record.onChange((_, action) => void changes.push(action));
  const messages = (): number => store.registry.require('session').metadata.messages;
  return { record, changes, messages };
}

it('lines of one turn of the event loop become one change, which nothing but the end of the turn has to ask for', async () => {
  const { record, changes, messages } = scene();
  record.observe({ at: 5, observations: [said('one')] });
  record.observe({ at: 5, observations: [said('two'), said('three')] });
  expect(messages()).toBe(0);
  await Promise.resolve();
  expect(messages()).toBe(3);
  expect(changes).toEqual([{ type: 'observed', at: 5, observations: [said('one'), said('two'), said('three')] }]);
  record.observe({ at: 5, observations: [said('four')] });
  await Promise.resolve();
  expect(changes).toHaveLength(2);
});

it.each<[string, (record: LiveRecord) => unknown]>([
  ['the session is read', (record) => record.session],
  ['the run is read', (record) => record.run],
  ['another change is made', (record) => record.dispatch({ type: 'steered', at: 6, message: 'x' })],
  ['the run is over', (record) => record.close()],
  ['a line has another time', (record) => record.observe({ at: 6, observations: [] })],
  ['a line is new, and those before it were read before', (record) => record.observe({ at: 5, observations: [] })],
])('the record has the lines before %s', (_, act) => {
  const { record, changes, messages } = scene();
  record.observe({ at: 5, observations: [said('one')], replayed: true });
  act(record);
  expect(messages()).toBe(1);
  expect(changes[0]).toMatchObject({ type: 'observed', at: 5, replayed: true });
});

it.each<Observation>([
  { kind: 'breach', id: 'a', name: 'Bash', danger: { level: 'critical', rule: 'guard.bypassed', reason: 'why' } },
  { kind: 'result', subtype: 'success', isError: false },
  { kind: 'overage' },
])('a line that may end the run is in the record at once, and is a change of its own: $kind', (observation) => {
  const { record, changes } = scene();
  record.observe({ at: 5, observations: [said('one')] });
  record.observe({ at: 5, observations: [observation] });
  record.observe({ at: 5, observations: [said('two')] });
  expect(changes.map((change) => change.type === 'observed' && change.observations)).toEqual([
    [said('one')],
    [observation],
  ]);
  record.close();
  expect(record.observe({ at: 5, observations: [said('three')] })).toBe(false);
  expect(changes).toHaveLength(3);
});
