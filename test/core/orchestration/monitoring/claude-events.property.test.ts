import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaudeEventReader } from '../../../../src/core/orchestration/monitoring/claude-events.js';
import { eventsOf } from '../../../../src/core/orchestration/session/events.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { reduceSession } from '../../../../src/core/orchestration/session/reducer.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { runningSession } from '../../../support/sessions.js';

/** Values that break code which expects certain shapes. All of them can be written in JSON. */
const hostile = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    null,
    { toString: 1, valueOf: 1 },
    { toString: null },
    { length: 3 },
    '__proto__',
    'constructor',
    -1,
    1e308,
    [[[]]],
    'x'.repeat(1_000),
  ),
);
const or = <T>(expected: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: expected as fc.Arbitrary<unknown>, weight: 3 }, { arbitrary: hostile, weight: 1 });

const usage = fc.record({ input_tokens: or(fc.nat()), output_tokens: or(fc.nat()) }, { requiredKeys: [] });
const block = fc.record(
  {
    type: or(fc.constantFrom('text', 'tool_use', 'tool_result', 'image')),
    text: or(fc.string()),
    id: or(fc.constantFrom('a', 'b')),
    name: or(fc.constantFrom('Bash', '__proto__', 'constructor')),
    input: hostile,
    tool_use_id: or(fc.constantFrom('a', 'b')),
    is_error: or(fc.boolean()),
    content: hostile,
  },
  { requiredKeys: [] },
);
const event = fc.record(
  {
    type: or(fc.constantFrom('system', 'assistant', 'user', 'result')),
    subtype: or(fc.constantFrom('init', 'api_retry', 'success')),
    session_id: or(fc.uuid()),
    model: hostile,
    message: or(
      fc.record(
        { id: or(fc.constantFrom('m', 'n')), content: or(fc.array(or(block), { maxLength: 3 })), usage: or(usage) },
        { requiredKeys: [] },
      ),
    ),
    parent_tool_use_id: hostile,
    error: hostile,
    error_status: hostile,
    isApiErrorMessage: or(fc.boolean()),
    result: hostile,
    errors: or(fc.array(hostile, { maxLength: 3 })),
    num_turns: hostile,
    total_cost_usd: hostile,
    usage: or(usage),
    modelUsage: or(fc.dictionary(fc.string(), hostile)),
  },
  { requiredKeys: [] },
);

function textsOf(observation: Observation): unknown[] {
  switch (observation.kind) {
    case 'init':
      return [observation.conversationId, observation.model ?? ''];
    case 'message':
      return [observation.text, observation.parentToolUseId ?? ''];
    case 'tool':
      return [observation.id, observation.name];
    case 'tool-result':
      return [observation.toolUseId, observation.output];
    case 'error':
      return [observation.code, observation.message];
    case 'result':
      return [observation.subtype, observation.text ?? ''];
    default:
      return [];
  }
}

describe('events of any shape', () => {
  it('events of any shape never throw, and become well-typed observations that the reducer accepts', () => {
    fc.assert(
      fc.property(fc.array(or(event), { maxLength: 6 }), (events) => {
        const reader = new ClaudeEventReader();
        let session = runningSession();
        for (const one of events) {
          // As if it came from a log line.
          const observations = reader.read(JSON.parse(JSON.stringify(one)));
          for (const text of observations.flatMap(textsOf)) expect(typeof text).toBe('string');
          const action = { type: 'observed', at: 5, observations } as const;
          const before = session;
          session = reduceSession(before, action);
          eventsOf(action, session, 5, before);
        }
        expect(unfrozenParts(session)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('names and ids in observations have a limited length', () => {
    const long = 'n'.repeat(1_000_000);
    const [, tool] = new ClaudeEventReader().read({
      type: 'assistant',
      message: { id: long, content: [{ type: 'tool_use', id: long, name: long, input: {} }] },
      parent_tool_use_id: long,
    });
    expect(JSON.stringify(tool).length).toBeLessThan(1_000);
  });
});
