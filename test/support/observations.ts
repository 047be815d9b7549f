import fc from 'fast-check';
import type { Observation } from '../../src/core/orchestration/session/observation.js';

const tokens = fc.record({ input: fc.nat(), output: fc.nat(), cacheRead: fc.nat(), cacheCreation: fc.nat() });
/** Few ids, so that calls, results and forged lines meet. */
export const callId = fc.constantFrom('a', 'b', 'c', '__proto__');

const danger = Object.freeze({ level: 'critical', rule: 'guard.bypassed', reason: 'why' } as const);

/** Whatever a log line may report. */
export const observation: fc.Arbitrary<Observation> = fc.oneof(
  fc.record({ kind: fc.constant('init' as const), conversationId: fc.uuid() }),
  fc.record({ kind: fc.constant('message' as const), text: fc.string(), first: fc.boolean() }),
  fc.record({ kind: fc.constant('tool' as const), id: callId, name: fc.string(), input: fc.jsonValue() }),
  fc.record({
    kind: fc.constant('tool-result' as const),
    toolUseId: callId,
    outcome: fc.constantFrom('ok' as const, 'error' as const, 'denied' as const),
    output: fc.string(),
  }),
  fc.record(
    { kind: fc.constant('usage' as const), added: tokens, costUsd: fc.nat().map((cents) => cents / 100) },
    { requiredKeys: ['kind', 'added'] },
  ),
  fc.record({
    kind: fc.constant('usage-window' as const),
    status: fc.constant('rejected' as const),
    resetsAt: fc.nat(),
  }),
  fc.record({ kind: fc.constant('breach' as const), id: callId, name: fc.string(), danger: fc.constant(danger) }),
  fc.record({
    kind: fc.constant('error' as const),
    severity: fc.constantFrom('critical' as const, 'warning' as const, 'info' as const),
    code: fc.string(),
    message: fc.string(),
  }),
  fc.record({
    kind: fc.constant('result' as const),
    subtype: fc.constant('success'),
    isError: fc.boolean(),
    turns: fc.nat(),
    costUsd: fc.nat().map((cents) => cents / 100),
    tokens,
  }),
  fc.record({ kind: fc.constant('diagnostic' as const), line: fc.string() }),
);
