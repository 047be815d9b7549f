import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import type { GuardRequest } from '../../../../src/core/orchestration/session/metadata.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { addTokens, NO_TOKENS } from '../../../../src/core/orchestration/session/observation.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import { reduceSession } from '../../../../src/core/orchestration/session/reducer.js';
import { isTerminal } from '../../../../src/core/orchestration/session/status.js';
import { LEGAL_FROM } from '../../../../src/core/orchestration/session/transitions.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { callId, observation } from '../../../support/observations.js';
import { createdSession, guardRequest, observed, runningSession } from '../../../support/sessions.js';

const at = fc.nat();
const position = fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined });
const request: fc.Arbitrary<GuardRequest> = fc.constantFrom('1', '2', '3').map((one) => guardRequest(one));
const action: fc.Arbitrary<SessionAction> = fc.oneof(
  fc.record({ type: fc.constant('asked' as const), at, request }),
  fc.record({
    type: fc.constant('answered' as const),
    at,
    request,
    decision: fc.constantFrom('allow' as const, 'deny' as const),
    by: fc.constantFrom('person' as const, 'timeout' as const, 'end' as const),
  }),
  fc.record({ type: fc.constant('steered' as const), at, message: fc.string() }),
  fc.record({
    type: fc.constant('denied' as const),
    at,
    denial: fc.record({
      toolUseId: callId,
      tool: fc.string(),
      input: fc.jsonValue(),
      reason: fc.string(),
      by: fc.constant('policy' as const),
    }),
  }),
  fc.record({ type: fc.constant('paused' as const), at }),
  fc.record({ type: fc.constant('resumed' as const), at, deadlines: fc.constant([['1', 7]] as [string, number][]) }),
  fc.record({
    type: fc.constant('resting' as const),
    at,
    waitingFor: fc.constantFrom('person' as const, 'children' as const, 'slot' as const),
  }),
  fc.record({ type: fc.constant('woken' as const), at }),
  fc.record({ type: fc.constant('worktree-removed' as const) }),
  fc.record({ type: fc.constant('removed' as const) }),
  fc.record({ type: fc.constant('suspended' as const), at, resumeAt: fc.nat() }),
  fc.record({ type: fc.constant('moved' as const), queuePosition: fc.integer({ min: 1, max: 10 }) }),
  fc.constant({ type: 'queued' as const }),
  fc.record({ type: fc.constant('launching' as const), at }),
  fc.record({
    type: fc.constant('placed' as const),
    logFile: fc.string(),
    logOffset: fc.nat(),
    containerName: fc.string(),
  }),
  fc.record({ type: fc.constant('spawned' as const), process: fc.constant({ pid: 7, startedAt: '8' }) }),
  fc.record({
    type: fc.constant('stopping' as const),
    stop: fc.constant({ status: 'failed', reason: 'r', error: 'e' } as const),
  }),
  fc.record({ type: fc.constant('exited' as const), end: fc.record({ exitCode: fc.nat() }) }),
  fc.record({ type: fc.constant('running' as const), at, containerId: fc.string() }),
  fc.record({ type: fc.constant('observed' as const), at, observations: fc.array(observation, { maxLength: 4 }) }),
  fc.record({
    type: fc.constant('ended' as const),
    at,
    status: fc.constantFrom('completed' as const, 'failed' as const, 'cancelled' as const),
    result: fc.record({ reason: fc.string() }),
  }),
  fc
    .record({ type: fc.constant('continued' as const), at, feedback: fc.string(), queuePosition: position })
    .map(({ queuePosition, ...rest }) => (queuePosition === undefined ? rest : { ...rest, queuePosition })),
);

const NEEDS_RUN: SessionAction['type'][] = [
  'placed',
  'spawned',
  'running',
  'asked',
  'paused',
  'resumed',
  'resting',
  'woken',
  'stopping',
  'exited',
  'suspended',
];

function checkInvariants(session: UnifiedSession): void {
  expect(unfrozenParts(session)).toEqual([]);
  if (session.queuePosition !== undefined) expect(session.status).toBe('queued');
  expect(session.result !== undefined).toBe(isTerminal(session.status));
  expect(session.endedAt !== undefined).toBe(isTerminal(session.status));
  expect(session.runs.map(({ number }) => number)).toEqual(session.runs.map((_, index) => index + 1));
  const open = session.runs.filter((run) => run.launchedAt !== undefined && run.endedAt === undefined);
  expect(open.length).toBeLessThanOrEqual(1);
  if (isTerminal(session.status)) expect(open).toEqual([]);
  if (open[0]) expect(open[0]).toBe(session.runs.at(-1));

  const { pendingApproval, pendingApprovals } = session;
  expect(pendingApproval).toBe(pendingApprovals?.[0]);
  if (pendingApprovals) expect(pendingApprovals.length).toBeGreaterThan(0);
  const waits = pendingApproval !== undefined || session.waitingFor !== undefined;
  if (session.status === 'waiting_feedback') expect(waits).toBe(true);
  if (session.status === 'running') expect(waits).toBe(false);
  if (session.waitingFor !== undefined) expect(['waiting_feedback', 'paused']).toContain(session.status);
  if (pendingApproval) expect(['waiting_feedback', 'paused']).toContain(session.status);
  // A paused session is either frozen and has an open run, or waits for its usage limit and has none.
  if (session.status === 'paused') expect(session.resumeAt !== undefined).toBe(open.length === 0);
  else expect(session).not.toHaveProperty('resumeAt');

  const { costUsd, turns, tokens: total, toolCounts, messages, errorCounts } = session.metadata;
  expect(costUsd ?? 0).toBeCloseTo(
    session.runs.reduce((sum, run) => sum + (run.costUsd ?? 0), 0),
    6,
  );
  expect(turns ?? 0).toBe(session.runs.reduce((sum, run) => sum + (run.turns ?? 0), 0));
  expect(total ?? NO_TOKENS).toEqual(
    session.runs.reduce((sum, run) => addTokens(sum, run.tokens ?? NO_TOKENS), NO_TOKENS),
  );
  for (const count of [...Object.values(toolCounts), ...Object.values(errorCounts), messages]) {
    expect(count).toBeGreaterThanOrEqual(0);
  }
}

describe('any sequence of actions', () => {
  it("a sequence of actions keeps the session's invariants, and a refused action changes nothing", () => {
    fc.assert(
      fc.property(position, fc.array(action, { maxLength: 40 }), (queuePosition, actions) => {
        let session = createdSession(queuePosition === undefined ? {} : { queuePosition });
        checkInvariants(session);
        for (const next of actions) {
          const before = structuredClone(session);
          try {
            const result = reduceSession(session, next);
            expect(reduceSession(session, next)).toEqual(result);
            expect(session).toEqual(before);
            session = result;
          } catch (error) {
            expect(error).toMatchObject({ code: 'ILLEGAL_TRANSITION' });
            const last = session.runs.at(-1);
            const hasOpenRun = last?.launchedAt !== undefined && last.endedAt === undefined;
            const needsRun = NEEDS_RUN.includes(next.type);
            if (!(next.type === 'launching' && hasOpenRun) && !(needsRun && !hasOpenRun)) {
              expect(LEGAL_FROM[next.type as keyof typeof LEGAL_FROM]).not.toContain(session.status);
            }
          }
          checkInvariants(session);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('a session that is observed for long', () => {
  it('the record of a session that is observed for long stops growing', () => {
    const flood = (from: number, count: number): Observation[] =>
      Array.from({ length: count }, (_, index): Observation[] => {
        const n = String(from + index);
        return [
          { kind: 'message', text: `${n} ${'m'.repeat(6_000)}`, first: true },
          { kind: 'tool', id: n, name: `tool-${n}`, input: { text: 'i'.repeat(10_000) } },
          { kind: 'tool-result', toolUseId: n, outcome: 'ok', output: 'o'.repeat(10_000) },
          { kind: 'error', severity: 'warning', code: 'retry', message: 'e'.repeat(1_000), toolUseId: n },
          { kind: 'diagnostic', line: `line ${n}` },
        ];
      }).flat();

    const early = observed(runningSession(), ...flood(10_000, 300));
    const late = observed(early, ...flood(10_300, 700));
    expect(JSON.stringify(late).length).toBeLessThan(1.01 * JSON.stringify(early).length);
    expect(late.metadata.messages).toBe(1_000);
    expect(late.metadata.errorCounts.warning).toBe(1_000);
    expect(Object.values(late.metadata.toolCounts).reduce((sum, count) => sum + count, 0)).toBe(1_000);
  });
});
