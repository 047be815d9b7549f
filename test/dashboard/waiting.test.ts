import { describe, expect, it } from 'vitest';
import { stateLook, stateWords, waitsAtTerminal } from '../../src/dashboard/waiting.js';
import type { AutonomousSession } from '../../src/handlers/index.js';
import { needsPerson } from '../../src/handlers/needs-person.js';

type Case = [
  AutonomousSession['state'],
  AutonomousSession['waitingFor'],
  approvals: number,
  words: string,
  look: string,
  needs: boolean,
];

const CASES: Case[] = [
  ['queued', undefined, 0, 'queued', 'queued', false],
  ['running', undefined, 0, 'running', 'running', false],
  ['waiting_feedback', undefined, 1, 'needs you', 'waiting_feedback', true],
  ['waiting_feedback', 'person', 0, 'waits for you at its terminal', 'waiting_feedback', true],
  ['waiting_feedback', 'children', 0, 'waits for its children', 'resting', false],
  ['waiting_feedback', 'slot', 0, 'waits for a slot', 'resting', false],
  // A question has a time limit, so it comes before anything else that the session waits for.
  ['waiting_feedback', 'person', 1, 'needs you', 'waiting_feedback', true],
  ['waiting_feedback', 'children', 2, 'needs you', 'waiting_feedback', true],
  // It is not known what the session waits for, so a person should look.
  ['waiting_feedback', undefined, 0, 'needs you', 'waiting_feedback', true],
  ['paused', 'person', 0, 'paused', 'paused', false],
  ['paused', undefined, 1, 'paused', 'paused', false],
  ['cancelled', undefined, 0, 'cancelled', 'cancelled', false],
];

describe('the state of a session in words', () => {
  it.each(CASES)('state %s, for %s, with %i questions: %s', (state, waitingFor, approvalCount, words, look, needs) => {
    const session = { state, approvalCount, ...(waitingFor && { waitingFor }) };
    expect([stateWords(session), stateLook(session), needsPerson(session)]).toEqual([words, look, needs]);
  });

  it('waitsAtTerminal() is true only for a session that waits for a person', () => {
    const waits = (state: AutonomousSession['state'], waitingFor?: AutonomousSession['waitingFor']): boolean =>
      waitsAtTerminal({ state, approvalCount: 0, ...(waitingFor && { waitingFor }) });
    expect(waits('waiting_feedback', 'person')).toBe(true);
    for (const other of ['children', 'slot'] as const) expect(waits('waiting_feedback', other)).toBe(false);
    for (const state of ['paused', 'running', 'completed'] as const) expect(waits(state, 'person')).toBe(false);
  });
});

it('a session whose agent asks a question needs a person', () => {
  const session = { state: 'waiting_feedback', approvalCount: 0, questionCount: 1, waitingFor: 'children' } as const;
  expect([stateWords(session), stateLook(session), needsPerson(session)]).toEqual([
    'needs you',
    'waiting_feedback',
    true,
  ]);
});
