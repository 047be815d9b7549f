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

describe('logEntries', () => {
  it('are messages, tool calls and errors, the newest first', () => {
    const session = observed(runningSession({ id: 'id', taskId: 'a' }), said('Hello.'), called('Bash'), failed('No.'));
    expect(logEntries([session], 50)).toEqual([
      { timestamp: '1970-01-01T00:00:00.120Z', taskId: 'a', content: 'No.', type: 'error' },
      { timestamp: '1970-01-01T00:00:00.110Z', taskId: 'a', content: '🔧 Using tool: Bash', type: 'tool' },
      { timestamp: '1970-01-01T00:00:00.100Z', taskId: 'a', content: 'Hello.', type: 'output' },
    ]);
  });

  it('tell what was said to an agent from what it said', () => {
    const session = observed(runningSession(), said('Which?'), { kind: 'prompt', text: 'This one' });
    expect(logEntries([session], 50).map(({ content }) => content)).toEqual(['💬 Was told: This one', 'Which?']);
  });

  it('are the newest first within a millisecond, too', () => {
    const session = sessionAt('a', 100, said('1'), said('2'), called('Bash'), called('Edit'), failed('3'), failed('4'));
    const contents = logEntries([session], 50).map(({ content }) => content);
    expect(contents).toEqual(['4', '3', '🔧 Using tool: Edit', '🔧 Using tool: Bash', '2', '1']);
  });

  it('are those of all sessions, as many as asked for, whichever order the sessions have', () => {
    const sessions = [50, 10, 40, 30, 20].map((at) => sessionAt(`s${at}`, at, said(`at ${at}`)));
    for (const given of [sessions, sessions.toReversed()])
      expect(logEntries(given, 3).map(({ content }) => content)).toEqual(['at 50', 'at 40', 'at 30']);
    expect(logEntries(sessions, 50)).toHaveLength(5);
  });

  it('has a late entry of an old session before early ones of a new session', () => {
    const old = afterActions(sessionAt('old', 10, said('first')), {
      type: 'observed',
      at: 90,
      observations: [said('last')],
    });
    const busy = observed(runningSession({ id: 'busy' }), ...['a', 'b', 'c'].map(said));
    expect(logEntries([old, busy], 4).map(({ content }) => content)).toEqual(['c', 'b', 'a', 'last']);
    expect(
      logEntries([old, busy], 5)
        .map(({ content }) => content)
        .at(-1),
    ).toBe('first');
  });

  it('cuts what is long, and names the session where the user gave no id', () => {
    const [entry] = logEntries([observed(runningSession({ id: 'own' }), said(`  ${'x'.repeat(500)}`))], 1);
    expect(entry).toMatchObject({ taskId: 'own', content: `${'x'.repeat(200)}…` });
  });

  it('has none for sessions that have said nothing', () => {
    expect(logEntries([runningSession()], 50)).toEqual([]);
  });
});
