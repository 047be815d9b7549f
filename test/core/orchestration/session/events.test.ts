import { describe, expect, it } from 'vitest';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import { eventsOf, type SessionEvent } from '../../../../src/core/orchestration/session/events.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import { reduceSession } from '../../../../src/core/orchestration/session/reducer.js';
import { ASKED, guardRequest, runningSession, sessionIn } from '../../../support/sessions.js';

/** The events of an action, without the fields that all events have. */
function told(before: UnifiedSession, action: SessionAction): object[] {
  const session = reduceSession(before, action);
  return eventsOf(action, session, 99, before).map((event: SessionEvent) => {
    expect(event).toMatchObject({ sessionId: 'session', at: 99, session });
    const { sessionId: _, at: __, session: ___, ...rest } = event as Extract<SessionEvent, { session: UnifiedSession }>;
    return rest;
  });
}

const danger = { level: 'warning', rule: 'r', reason: 'why' } as const;
const denial = { toolUseId: 't', tool: 'Bash', input: { command: 'x' }, reason: 'no', by: 'timeout' } as const;

describe('the events of an action', () => {
  const request = guardRequest(ASKED);
  const answered = { type: 'answered', at: 6, request } as const;

  it.each<[string, UnifiedSession, SessionAction, object[]]>([
    [
      'a question',
      sessionIn('running'),
      { type: 'asked', at: 5, request },
      [{ type: 'session:approval', state: 'asked', request }],
    ],
    [
      "a person's approval",
      sessionIn('waiting_feedback'),
      { ...answered, decision: 'allow', by: 'person', note: 'fine' },
      [{ type: 'session:approval', state: 'approved', request, by: 'person', note: 'fine' }],
    ],
    [
      'a denial because nobody answered in time',
      sessionIn('waiting_feedback'),
      { ...answered, decision: 'deny', by: 'timeout' },
      [{ type: 'session:approval', state: 'denied', request, by: 'timeout' }],
    ],
    ['a denied call', sessionIn('running'), { type: 'denied', at: 5, denial }, [{ type: 'session:denied', denial }]],
    [
      'a delivered message',
      sessionIn('running'),
      { type: 'steered', at: 5, message: 'left' },
      [{ type: 'session:steered', message: 'left' }],
    ],
    ['a pause', sessionIn('running'), { type: 'paused', at: 5 }, [{ type: 'session:paused' }]],
    [
      'a usage limit',
      sessionIn('running'),
      { type: 'suspended', at: 5, resumeAt: 77 },
      [{ type: 'session:paused', resumeAt: 77, pausedFor: 'usage_limit' }],
    ],
    [
      'the end of a pause',
      sessionIn('paused'),
      { type: 'resumed', at: 5, deadlines: [] },
      [{ type: 'session:resumed' }],
    ],
    ['a removal', sessionIn('failed'), { type: 'removed' }, [{ type: 'session:removed' }]],
  ])('%s emits its event', (_, before, action, expected) => {
    expect(told(before, action)).toEqual(expected);
  });

  it("a dangerous call emits 'session:tool', then 'session:danger'", () => {
    const call = { id: 't', name: 'Bash', input: { command: 'x' }, danger };
    expect(told(runningSession(), { type: 'observed', at: 7, observations: [{ kind: 'tool', ...call }] })).toEqual([
      { type: 'session:tool', tool: { ...call, startedAt: 7 } },
      { type: 'session:danger', danger: { ...danger, at: 7, tool: 'Bash', toolUseId: 't' } },
    ]);
  });

  it("a call that bypassed the guard emits 'session:danger'", () => {
    const observations = [{ kind: 'breach', id: 't', name: 'Bash', danger }] as const;
    expect(told(runningSession(), { type: 'observed', at: 7, observations })).toEqual([
      { type: 'session:danger', danger: { ...danger, at: 7, tool: 'Bash', toolUseId: 't' } },
    ]);
  });

  it("token usage and the provider's usage limit emit no event", () => {
    const added = { input: 1, output: 1, cacheRead: 0, cacheCreation: 0 };
    const observations = [
      { kind: 'usage', added, costUsd: 1 },
      { kind: 'usage-window', status: 'rejected' },
    ] as const;
    expect(told(runningSession(), { type: 'observed', at: 7, observations })).toEqual([]);
  });
});
