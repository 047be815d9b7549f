import { describe, expect, it } from 'vitest';
import type { Observation } from '../../src/core/orchestration/session/observation.js';
import type { UnifiedSession } from '../../src/core/orchestration/session/record.js';
import { logEntries } from '../../src/handlers/log-entries.js';
import { afterActions, observed, runningSession } from '../support/sessions.js';

const said = (text: string): Observation => ({ kind: 'message', text, first: true });
const called = (name: string): Observation => ({ kind: 'tool', id: `id-${name}`, name, input: {} });
const failed = (message: string): Observation => ({ kind: 'error', severity: 'warning', code: 'tool_failed', message });

function sessionAt(taskId: string, at: number, ...observations: Observation[]): UnifiedSession {
  return afterActions(runningSession({ id: taskId, taskId }), { type: 'observed', at, observations });
}

const entriesOf = (sessions: readonly UnifiedSession[], limit: number) =>
  logEntries({ snapshot: () => sessions, outlines: () => sessions, get: () => undefined }, limit);

describe('logEntries', () => {
  it('logEntries() returns messages, tool calls and errors, newest first', async () => {
    const session = observed(runningSession({ id: 'id', taskId: 'a' }), said('Hello.'), called('Bash'), failed('No.'));
    expect(await entriesOf([session], 50)).toEqual([
      { timestamp: '1970-01-01T00:00:00.120Z', taskId: 'a', content: 'No.', type: 'error' },
      { timestamp: '1970-01-01T00:00:00.110Z', taskId: 'a', content: '🔧 Using tool: Bash', type: 'tool' },
      { timestamp: '1970-01-01T00:00:00.100Z', taskId: 'a', content: 'Hello.', type: 'output' },
    ]);
  });

  it('logEntries() marks prompts to an agent apart from its own messages', async () => {
    const session = observed(runningSession(), said('Which?'), { kind: 'prompt', text: 'This one' });
    expect((await entriesOf([session], 50)).map(({ content }) => content)).toEqual(['💬 Was told: This one', 'Which?']);
  });

  it('logEntries() returns the newest entries first also within a millisecond', async () => {
    const session = sessionAt('a', 100, said('1'), said('2'), called('Bash'), called('Edit'), failed('3'), failed('4'));
    const contents = (await entriesOf([session], 50)).map(({ content }) => content);
    expect(contents).toEqual(['4', '3', '🔧 Using tool: Edit', '🔧 Using tool: Bash', '2', '1']);
  });

  it('logEntries() returns entries of all sessions up to the limit, in any order of the sessions', async () => {
    const sessions = [50, 10, 40, 30, 20].map((at) => sessionAt(`s${at}`, at, said(`at ${at}`)));
    for (const given of [sessions, sessions.toReversed()])
      expect((await entriesOf(given, 3)).map(({ content }) => content)).toEqual(['at 50', 'at 40', 'at 30']);
    expect(await entriesOf(sessions, 50)).toHaveLength(5);
  });

  it('logEntries() sorts the entries of an old and a new session by their time', async () => {
    const old = afterActions(sessionAt('old', 10, said('first')), {
      type: 'observed',
      at: 90,
      observations: [said('last')],
    });
    const busy = observed(runningSession({ id: 'busy' }), ...['a', 'b', 'c'].map(said));
    expect((await entriesOf([old, busy], 4)).map(({ content }) => content)).toEqual(['c', 'b', 'a', 'last']);
    expect((await entriesOf([old, busy], 5)).at(-1)?.content).toBe('first');
  });

  it('logEntries() cuts long texts and uses the session id if there is no task id', async () => {
    const [entry] = await entriesOf([observed(runningSession({ id: 'own' }), said(`  ${'x'.repeat(500)}`))], 1);
    expect(entry).toMatchObject({ taskId: 'own', content: `${'x'.repeat(200)}…` });
  });

  it('logEntries() returns nothing for a session without messages', async () => {
    expect(await entriesOf([runningSession()], 50)).toEqual([]);
  });
});
