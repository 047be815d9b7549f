import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Decision,
  decide,
  detachPolicy,
  type ResolvedPolicy,
  resolvePolicy,
  type ToolCall,
  type ToolPolicy,
  type ToolRule,
  tightenPolicy,
} from '../../../../../src/core/orchestration/session/policy.js';
import {
  restoredPolicy,
  type StoredPolicy,
  storedPolicy,
} from '../../../../../src/core/orchestration/store/disk/stored-policy.js';

/** The policy as it is read back from a file. */
const throughJson = (policy: ResolvedPolicy): StoredPolicy => JSON.parse(JSON.stringify(storedPolicy(policy)));
const bash = (command: string): ToolCall => ({ toolUseId: 't', tool: 'Bash', input: { command } });

describe('a stored policy', () => {
  it('a stored policy is restored unchanged under the same manager policy', () => {
    const base = resolvePolicy({ rules: [{ tool: 'Write', decision: 'ask' }], onHostLost: 'allow' });
    const own: ToolPolicy = {
      rules: [
        { tool: 'Bash', matches: /^GIT\s+push$/im, decision: 'ask', reason: 'Mine.' },
        { tool: 'mcp__*', decision: 'deny' },
      ],
      dangerous: 'deny',
      approvalTimeoutMs: 5_000,
    };
    const policy = tightenPolicy(base, own);
    expect(restoredPolicy(base, throughJson(policy))).toEqual(policy);
    const [, layer] = restoredPolicy(base, throughJson(policy)).layers;
    expect(layer?.rules[0]?.matches).toEqual(/^GIT\s+push$/im);
  });

  it.each(['', 'g', 'y', 'i', 'gimsuy', 'd', 'v'])(
    'a stored policy keeps a regular expression with the flags %j',
    (flags) => {
      const matches = new RegExp('a.b', flags);
      const policy = tightenPolicy(resolvePolicy(), { rules: [{ tool: 'Bash', matches, decision: 'deny' }] });
      const again = restoredPolicy(resolvePolicy(), throughJson(policy)).layers[1]?.rules[0]?.matches as RegExp;
      expect([again.source, again.flags]).toEqual([matches.source, matches.flags]);
    },
  );

  it.each<Decision>(['allow', 'ask', 'deny'])(
    'a restored policy denies all calls of a tool whose rule had a function: %s',
    (decision) => {
      const own: ToolPolicy = {
        rules: [
          { tool: 'Bash', matches: ({ input }) => input === 'x', decision, reason: 'Mine.' },
          { tool: 'Read', decision: 'ask' },
        ],
      };
      const policy = restoredPolicy(resolvePolicy(), throughJson(tightenPolicy(resolvePolicy(), own)));
      expect(decide(policy, bash('ls'))).toEqual({
        decision: 'deny',
        reason: 'The rule that decides about this call belongs to a process that is gone, and cannot be read here.',
      });
      expect(decide(policy, { toolUseId: 't', tool: 'Read', input: {} })).toMatchObject({ decision: 'ask' });
      expect(decide(policy, { toolUseId: 't', tool: 'Grep', input: {} })).toEqual({ decision: 'allow' });
    },
  );

  it('a restored policy denies if only a later Node version can read the regular expression', () => {
    const stored = throughJson(
      tightenPolicy(resolvePolicy(), { rules: [{ tool: 'Bash', matches: /x/, decision: 'ask' }] }),
    );
    const text = JSON.stringify(stored).replace('"source":"x"', '"source":"(?future:x)"');
    const policy = restoredPolicy(resolvePolicy(), JSON.parse(text));
    expect(decide(policy, bash('ls'))).toMatchObject({ decision: 'deny' });
  });

  it('a restored policy has the rules of the manager that takes over, not of the old manager', () => {
    const old = resolvePolicy({ rules: [{ tool: 'Bash', decision: 'deny' }] });
    const stored = throughJson(tightenPolicy(old, { rules: [{ tool: 'Read', decision: 'deny' }] }));
    const next = resolvePolicy({ rules: [{ tool: 'Write', decision: 'deny' }] });
    const decisionOn = (tool: string) => decide(restoredPolicy(next, stored), { toolUseId: 't', tool, input: {} });
    expect(['Bash', 'Read', 'Write'].map((tool) => decisionOn(tool).decision)).toEqual(['allow', 'deny', 'deny']);
  });

  it('a restored policy takes the stricter setting of the stored policy and the new manager', () => {
    const stored = throughJson(
      tightenPolicy(resolvePolicy({ onHostLost: 'allow', approvalTimeoutMs: 50_000 }), { approvalTimeoutMs: 40_000 }),
    );
    expect(restoredPolicy(resolvePolicy({ onHostLost: 'deny', approvalTimeoutMs: 30_000 }), stored)).toMatchObject({
      onHostLost: 'deny',
      approvalTimeoutMs: 30_000,
    });
    expect(restoredPolicy(resolvePolicy({ onHostLost: 'allow', approvalTimeoutMs: 60_000 }), stored)).toMatchObject({
      onHostLost: 'allow',
      approvalTimeoutMs: 40_000,
    });
    const strict = throughJson(tightenPolicy(resolvePolicy({ onHostLost: 'allow' }), { onHostLost: 'deny' }));
    expect(restoredPolicy(resolvePolicy({ onHostLost: 'allow' }), strict).onHostLost).toBe('deny');
  });

  it('a detached session stays detached under the next manager, unless that one sets onHostLost to deny', () => {
    const stored = throughJson(detachPolicy(resolvePolicy(), false));
    const restored = (next: ToolPolicy) => restoredPolicy(resolvePolicy(next), stored).onHostLost;
    expect([{}, { onHostLost: 'allow' }, { onHostLost: 'deny' }].map((next) => restored(next as ToolPolicy))).toEqual([
      'allow',
      'allow',
      'deny',
    ]);
    // What was allowed to all sessions of a manager is not allowed by the next one that says nothing.
    const all = throughJson(resolvePolicy({ onHostLost: 'allow' }));
    expect(restoredPolicy(resolvePolicy(), all).onHostLost).toBe('deny');
  });

  it('a restored policy is never looser than before, and is equal if it has no functions', () => {
    const STRICTNESS: Record<Decision, number> = { allow: 0, ask: 1, deny: 2 };
    const decision = fc.constantFrom<Decision>('allow', 'ask', 'deny');
    const matches = fc.constantFrom<ToolRule['matches'][]>(
      /push/g,
      /^ls/y,
      /PUSH/i,
      () => true,
      () => false,
      () => {
        throw new Error('mine');
      },
    );
    const rule = fc.record(
      { tool: fc.constantFrom('Bash', 'B*', '*', 'Read', 'mcp__*'), decision, matches },
      { requiredKeys: ['tool', 'decision'] },
    ) as fc.Arbitrary<ToolRule>;
    const policy: fc.Arbitrary<ToolPolicy> = fc.record(
      { rules: fc.array(rule, { maxLength: 4 }), dangerous: decision },
      { requiredKeys: [] },
    );
    const call: fc.Arbitrary<ToolCall> = fc.record(
      {
        toolUseId: fc.constant('t'),
        tool: fc.constantFrom('Bash', 'Read', 'mcp__x__y'),
        input: fc.constantFrom({ command: 'git push' }, { command: 'ls' }, { file_path: '/push' }, {}, null),
        danger: fc.constant({ level: 'critical', rule: 'r', reason: 'why' } as const),
      },
      { requiredKeys: ['toolUseId', 'tool', 'input'] },
    );
    fc.assert(
      fc.property(policy, policy, fc.array(call, { minLength: 1, maxLength: 8 }), (manager, own, calls) => {
        const base = resolvePolicy({ ...manager, dangerous: 'allow' });
        const before = tightenPolicy(base, own);
        const after = restoredPolicy(base, throughJson(before));
        const hasFunctions = own.rules?.some((one) => typeof one.matches === 'function') ?? false;
        for (const one of calls) {
          const [was, is] = [decide(before, one), decide(after, one)];
          if (hasFunctions) expect(STRICTNESS[is.decision]).toBeGreaterThanOrEqual(STRICTNESS[was.decision]);
          else expect(is).toEqual(was);
        }
      }),
      { numRuns: 500 },
    );
  });
});
