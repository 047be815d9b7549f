import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SessionLimits, tightenLimits } from '../../../../src/core/orchestration/session/limits.js';
import { errorOf } from '../../../support/errors.js';

const NAMES = ['durationMs', 'idleMs', 'costUsd', 'tokens', 'logBytes', 'children', 'depth'] as const;

describe('the limits of a child session', () => {
  it("a limit that the child does not set is the leader's", () => {
    const base: SessionLimits = { costUsd: 2, depth: 1 };
    expect(tightenLimits(base)).toEqual(base);
    expect(tightenLimits(base, {})).toEqual(base);
    const nothing = { costUsd: undefined } as Partial<Record<string, undefined>>;
    expect(tightenLimits(base, nothing)).toStrictEqual(base);
    expect(tightenLimits({}, { tokens: 7 })).toEqual({ tokens: 7 });
    expect(tightenLimits(base, { costUsd: 1, tokens: 7 })).toEqual({ costUsd: 1, depth: 1, tokens: 7 });
  });

  it.each(NAMES)("a child's %s may be less than or equal to the leader's, and not more", async (name) => {
    expect(tightenLimits({ [name]: 5 }, { [name]: 5 })).toEqual({ [name]: 5 });
    expect(tightenLimits({ [name]: 5 }, { [name]: 1 })).toEqual({ [name]: 1 });
    const { message } = await errorOf(() => tightenLimits({ [name]: 5 }, { [name]: 6 }), 'INVALID_OPTIONS');
    expect(message).toContain(`'limits.${name}': 6 would loosen the 5`);
  });

  it("a session's limits never exceed those of any leader above it, over any number of generations", () => {
    const limits = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.nat(9)])), { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(limits, { minLength: 1, maxLength: 5 }), (generations: SessionLimits[]) => {
        let own: SessionLimits = {};
        const above: SessionLimits[] = [];
        for (const asked of generations) {
          try {
            own = tightenLimits(own, asked);
          } catch {
            continue; // Refused: no session has these limits.
          }
          above.push(asked);
          for (const name of NAMES) {
            const least = Math.min(...above.map((each) => each[name] ?? Number.POSITIVE_INFINITY));
            expect(own[name] ?? Number.POSITIVE_INFINITY).toBe(least);
          }
        }
      }),
    );
  });
});
