import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_POLICY,
  type Decision,
  decide,
  detachPolicy,
  type PolicyDecision,
  resolvePolicy,
  type ToolCall,
  type ToolPolicy,
  type ToolRule,
  tightenPolicy,
} from '../../../../src/core/orchestration/session/policy.js';
import { errorOf } from '../../../support/errors.js';

const CRITICAL = { level: 'critical', rule: 'test', reason: 'It is dangerous.' } as const;
const WARNING = { level: 'warning', rule: 'test', reason: 'It is odd.' } as const;
const call = (tool: string, input: unknown = {}, danger?: ToolCall['danger']): ToolCall => ({
  toolUseId: 't',
  tool,
  input,
  ...(danger && { danger }),
});
const bash = (command: string, danger?: ToolCall['danger']): ToolCall => call('Bash', { command }, danger);
const decision = (policy: ToolPolicy, one: ToolCall): PolicyDecision => decide(resolvePolicy(policy), one);
/** Whether a rule matches a call: a matching rule denies it. */
const fits = (rule: Omit<ToolRule, 'decision'>, one: ToolCall): boolean =>
  decision({ rules: [{ ...rule, decision: 'deny' }] }, one).decision === 'deny';

describe('the tool pattern of a policy rule', () => {
  it.each([
    ['Bash', 'Bash', true],
    ['Bash', 'BashOutput', false],
    ['Bash', 'bash', false],
    ['mcp__*', 'mcp__github__create_issue', true],
    ['mcp__*', 'mcp__', true],
    ['mcp__*', 'mcp_github', false],
    ['mcp__*', 'xmcp__github', false],
    ['mcp__*__delete_*', 'mcp__db__delete_all', true],
    ['mcp__*__delete_*', 'mcp__db__create', false],
    ['*', 'anything at all', true],
    ['*', '', true],
    ['**', 'Bash', true],
    ['*Edit', 'NotebookEdit', true],
    ['*Edit', 'Editor', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['*b*b*', 'b', false],
    ['*b*b*', 'abcb', true],
    ['.*', 'Bash', false],
    ['Ba?h', 'Bash', false],
    ['Task', 'Agent', true],
    ['Agent', 'Task', true],
    ['KillShell', 'TaskStop', true],
    ['TaskStop', 'KillShell', true],
    ['BashOutputTool', 'AgentOutputTool', true],
    ['TaskOutput', 'BashOutputTool', true],
    ['Agent', 'TaskStop', false],
    ['Task', 'TaskOutput', false],
    ['task', 'Agent', false],
  ])('the tool pattern %j matches a call of %j: %s', (tool, name, expected) => {
    expect(fits({ tool }, call(name))).toBe(expected);
  });

  it('a tool pattern matches like the equivalent regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    fc.assert(
      fc.property(word, name, (tool, one) => {
        expect(fits({ tool }, call(one))).toBe(new RegExp(`^${tool.replaceAll('*', '.*')}$`).test(one));
      }),
      { numRuns: 500 },
    );
  });

  it('a tool pattern with many stars is matched quickly', () => {
    expect(fits({ tool: `${'*a'.repeat(50)}*b` }, call('a'.repeat(5_000)))).toBe(false);
  });
});

describe('the regular expression of a policy rule', () => {
  const push = /^git push/;
  it.each<[string, RegExp, ToolCall, boolean]>([
    ['the command of Bash', push, bash('git push'), true],
    ['the command of Bash, not its description', push, call('Bash', { command: 'ls', description: 'git push' }), false],
    ['the path of a file tool', /\.env$/, call('Write', { file_path: '/workspace/.env', content: 'x' }), true],
    ['the path, not the content', /secret/, call('Write', { file_path: '/a', content: 'secret' }), false],
    ['the path of a notebook', /\.ipynb$/, call('NotebookEdit', { notebook_path: '/a.ipynb', new_source: 'x' }), true],
    ['the address of WebFetch', /^https:\/\/example\.com\//, call('WebFetch', { url: 'https://example.com/x' }), true],
    ['the JSON input of any other tool', /"sql":"DROP/, call('mcp__db__query', { sql: 'DROP TABLE x' }), true],
    [
      'the JSON input of a tool that also has a path',
      /"pattern":"x"/,
      call('Grep', { pattern: 'x', path: '/a' }),
      true,
    ],
    [
      'the JSON input of Bash if its command is not a text',
      /"command":\["git push"\]/,
      call('Bash', { command: ['git push'] }),
      true,
    ],
    ['the JSON of an input that is not an object', /^"git push"$/, call('Bash', 'git push'), true],
    ['no character if the call has no input', /./, { ...call('Bash'), input: undefined }, false],
    ['the empty text if the call has no input', /^$/, { ...call('Bash'), input: undefined }, true],
    ["the text 'null' if the input is null", /^null$/, call('Bash', null), true],
  ])("a rule's regular expression is tested on %s", (_, matches, one, expected) => {
    expect(fits({ tool: '*', matches }, one)).toBe(expected);
  });

  it.each([
    ['file_path', 'mcp__db__query'],
    ['notebook_path', 'mcp__db__query'],
    ['command', 'mcp__db__query'],
    ['url', 'mcp__db__query'],
    ['', 'mcp__db__query'],
    ['file_path', 'constructor'],
  ])("a rule's regular expression is not misled by a field '%s' that %s does not have", (field, tool) => {
    expect(fits({ tool: '*', matches: /DROP/ }, call(tool, { sql: 'DROP TABLE x', [field]: 'harmless' }))).toBe(true);
  });

  it.each(['g', 'y', 'gy'])("a rule's regular expression matches every time, even with the flags '%s'", (flags) => {
    const policy = resolvePolicy({
      rules: [{ tool: 'Bash', matches: new RegExp('git push', flags), decision: 'deny' }],
    });
    for (const round of [1, 2, 3]) expect(decide(policy, bash('git push')).decision, `round ${round}`).toBe('deny');
  });

  it('a call whose input cannot be written as JSON is denied', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect(fits({ tool: 'mcp__*', matches: /never/ }, call('mcp__x', deep))).toBe(true);
  });
});

describe('the function of a policy rule', () => {
  it("a rule's function receives the call with its danger", () => {
    const seen: ToolCall[] = [];
    const matches = (one: ToolCall): boolean => seen.push(one) > 0;
    const one = bash('rm -rf /', CRITICAL);
    expect(fits({ tool: 'Bash', matches }, one)).toBe(true);
    expect(seen).toEqual([one]);
  });

  it("a rule's function is called only for the rule's tools", () => {
    const matches = (): boolean => {
      throw new Error('asked');
    };
    expect(fits({ tool: 'Write', matches }, bash('ls'))).toBe(false);
  });

  it.each([undefined, 1, 'yes', {}])("a rule's function matches only if it returns true, not %j", (answer) => {
    expect(fits({ tool: '*', matches: () => answer as boolean }, bash('ls'))).toBe(false);
  });

  it.each(['allow', 'ask', 'deny'] as const)(
    "a call is denied if a rule's function throws, whatever the rule's decision (%s)",
    (own) => {
      const matches = (): boolean => {
        throw new Error('mine');
      };
      const rules = [{ tool: 'Ba*', matches, decision: own, reason: 'because' }];
      expect(decision({ rules }, bash('ls'))).toEqual({
        decision: 'deny',
        reason: 'A rule of the policy for Ba* failed on this call.',
      });
    },
  );
});

describe('a policy', () => {
  it('the default policy denies critical calls and allows all others', () => {
    for (const policy of [DEFAULT_POLICY, resolvePolicy(), resolvePolicy({})]) {
      expect(decide(policy, bash('ls'))).toEqual({ decision: 'allow' });
      expect(decide(policy, bash('odd', WARNING))).toEqual({ decision: 'allow' });
      expect(decide(policy, bash('rm', CRITICAL))).toEqual({ decision: 'deny', reason: CRITICAL.reason });
    }
    expect(resolvePolicy()).toEqual(DEFAULT_POLICY);
  });

  it.each(['allow', 'ask', 'deny'] as const)(
    "a policy with dangerous '%s' decides so on critical calls only",
    (dangerous) => {
      const expected = dangerous === 'allow' ? { decision: 'allow' } : { decision: dangerous, reason: CRITICAL.reason };
      expect(decision({ dangerous }, bash('rm', CRITICAL))).toEqual(expected);
      expect(decision({ dangerous }, bash('odd', WARNING))).toEqual({ decision: 'allow' });
    },
  );

  it('the first rule that matches decides, even on critical calls', () => {
    const rules: ToolRule[] = [
      { tool: 'Bash', matches: /^git push --dry-run/, decision: 'allow' },
      { tool: 'Bash', matches: /^git push/, decision: 'ask', reason: 'Pushing is mine.' },
      { tool: 'Bash', matches: /push/, decision: 'deny' },
    ];
    expect(decision({ rules }, bash('git push --dry-run', CRITICAL))).toEqual({ decision: 'allow' });
    expect(decision({ rules }, bash('git push'))).toEqual({ decision: 'ask', reason: 'Pushing is mine.' });
    expect(decision({ rules }, bash('npm run push')).decision).toBe('deny');
    expect(decision({ rules }, bash('git pull', CRITICAL)).decision).toBe('deny');
  });

  it("the reason of a decision is the rule's, else the danger's, else it names the rule's tool pattern", () => {
    const rules: ToolRule[] = [{ tool: 'Ba*', decision: 'deny' }];
    expect(decision({ rules }, bash('rm', WARNING)).reason).toBe(WARNING.reason);
    expect(decision({ rules }, bash('ls')).reason).toBe('The policy for Ba* says so.');
  });

  it('a resolved policy does not change with the objects that it was made of', () => {
    const rule = { tool: 'Bash', decision: 'deny' as Decision };
    const given = { rules: [rule] };
    const policy = resolvePolicy(given);
    rule.decision = 'allow';
    given.rules.length = 0;
    expect(decide(policy, bash('ls')).decision).toBe('deny');
    expect(Object.isFrozen(policy.layers[0]?.rules)).toBe(true);
    expect(Object.isFrozen(policy.layers[0]?.rules[0])).toBe(true);
  });

  it("approvalTimeoutMs defaults to ten minutes and onHostLost to 'deny'", () => {
    expect(resolvePolicy()).toMatchObject({ approvalTimeoutMs: 600_000, onHostLost: 'deny' });
    expect(resolvePolicy({ approvalTimeoutMs: 5, onHostLost: 'allow' })).toMatchObject({
      approvalTimeoutMs: 5,
      onHostLost: 'allow',
    });
  });
});

describe("a session's own policy", () => {
  const base = resolvePolicy({
    rules: [{ tool: 'Bash', matches: /^git push/, decision: 'ask', reason: 'theirs' }],
    dangerous: 'ask',
    approvalTimeoutMs: 1_000,
  });

  it("a session without its own policy has the manager's policy", () => {
    expect(tightenPolicy(base, undefined)).toBe(base);
    const { layers, ...times } = tightenPolicy(base, {});
    expect(times).toEqual({ approvalTimeoutMs: 1_000, onHostLost: 'deny', mayDetach: true, detached: false });
    expect(layers[1]).toEqual({ rules: [], dangerous: 'ask' });
  });

  it('the stricter decision of session and manager holds, with its reason', () => {
    const own = tightenPolicy(base, { rules: [{ tool: 'Bash', decision: 'deny', reason: 'mine' }] });
    expect(decide(own, bash('git push'))).toEqual({ decision: 'deny', reason: 'mine' });
    const other = tightenPolicy(base, { rules: [{ tool: 'Bash', decision: 'ask', reason: 'mine' }] });
    expect(decide(other, bash('git push'))).toEqual({ decision: 'ask', reason: 'theirs' });
    expect(decide(other, bash('ls'))).toEqual({ decision: 'ask', reason: 'mine' });
  });

  it("a session's rule that allows does not loosen the manager's policy", () => {
    const own = tightenPolicy(base, { rules: [{ tool: '*', decision: 'allow' }] });
    expect(decide(own, bash('git push')).decision).toBe('ask');
    expect(decide(own, bash('rm', CRITICAL)).decision).toBe('ask');
    expect(decide(own, bash('ls')).decision).toBe('allow');
  });

  it("a session's policy may be stricter in each setting", () => {
    const own = tightenPolicy(resolvePolicy({ dangerous: 'allow', onHostLost: 'allow' }), {
      dangerous: 'ask',
      approvalTimeoutMs: 1,
      onHostLost: 'deny',
    });
    expect(own).toMatchObject({ approvalTimeoutMs: 1, onHostLost: 'deny' });
    expect(decide(own, bash('rm', CRITICAL)).decision).toBe('ask');
  });

  it.each<[keyof ToolPolicy, ToolPolicy, ToolPolicy, string]>([
    ['dangerous', {}, { dangerous: 'ask' }, '"ask" would loosen what holds already, "deny"'],
    ['dangerous', {}, { dangerous: 'allow' }, '"allow" would loosen what holds already, "deny"'],
    ['dangerous', { dangerous: 'ask' }, { dangerous: 'allow' }, '"allow" would loosen what holds already, "ask"'],
    ['approvalTimeoutMs', { approvalTimeoutMs: 5 }, { approvalTimeoutMs: 6 }, '6 would loosen what holds already, 5'],
    ['approvalTimeoutMs', {}, { approvalTimeoutMs: 600_001 }, '600001 would loosen what holds already, 600000'],
    ['onHostLost', {}, { onHostLost: 'allow' }, '"allow" would loosen what holds already, "deny"'],
  ])("a session's policy is refused if its '%s' is looser: manager %j, session %j", async (name, theirs, own, what) => {
    const { message } = await errorOf(() => tightenPolicy(resolvePolicy(theirs), own), 'INVALID_OPTIONS');
    expect(message).toContain(`Option 'policy.${name}': ${what}. A session may only tighten`);
  });

  it.each<[string, ToolPolicy, ToolPolicy | undefined, boolean, string | undefined]>([
    ['neither says anything', {}, undefined, false, undefined],
    ['the manager allows it for all sessions', { onHostLost: 'allow' }, {}, false, undefined],
    ['its leader works alone', { onHostLost: 'allow' }, {}, true, undefined],
    ['the manager sets deny', { onHostLost: 'deny' }, undefined, false, 'onHostLost is "deny"'],
    ['the manager sets deny, and the session has a policy', { onHostLost: 'deny' }, {}, false, 'onHostLost is "deny"'],
    ['the session sets deny', {}, { onHostLost: 'deny' }, false, 'onHostLost is "deny"'],
    ['the session tightens', { onHostLost: 'allow' }, { onHostLost: 'deny' }, false, 'onHostLost is "deny"'],
    ['its leader waits', {}, undefined, true, 'the session that leads this one, which is not detached itself'],
  ])('a session may be detached unless somebody has forbidden it: %s', async (_, theirs, own, led, refused) => {
    const policy = tightenPolicy(resolvePolicy(theirs), own);
    if (refused === undefined) expect(detachPolicy(policy, led).onHostLost).toBe('allow');
    else expect((await errorOf(() => detachPolicy(policy, led), 'INVALID_OPTIONS')).message).toContain(refused);
  });

  it('a session that a detached one leads works alone as well, unless its own policy says otherwise', () => {
    const leader = detachPolicy(resolvePolicy(), false);
    expect(tightenPolicy(leader, undefined)).toMatchObject({ onHostLost: 'allow', detached: true });
    expect(tightenPolicy(leader, {})).toMatchObject({ onHostLost: 'allow', detached: true });
    expect(tightenPolicy(leader, { onHostLost: 'deny' })).toMatchObject({ onHostLost: 'deny', detached: false });
  });

  const anyRule: fc.Arbitrary<ToolRule> = fc.record(
    {
      tool: fc.constantFrom('Bash', 'Write', 'mcp__*', '*', 'B*'),
      decision: fc.constantFrom<Decision>('allow', 'ask', 'deny'),
      matches: fc.constantFrom(
        /a/,
        /b/g,
        (one: ToolCall) => one.danger !== undefined,
        () => {
          throw new Error('mine');
        },
      ),
    },
    { requiredKeys: ['tool', 'decision'] },
  );
  const anyPolicy: fc.Arbitrary<ToolPolicy> = fc.record(
    {
      rules: fc.array(anyRule, { maxLength: 4 }),
      dangerous: fc.constantFrom<Decision>('allow', 'ask', 'deny'),
      approvalTimeoutMs: fc.integer({ min: 1, max: 3 }),
      onHostLost: fc.constantFrom('allow' as const, 'deny' as const),
    },
    { requiredKeys: [] },
  );
  const anyCall: fc.Arbitrary<ToolCall> = fc
    .record({
      tool: fc.constantFrom('Bash', 'Write', 'mcp__x', 'Read'),
      text: fc.constantFrom('a', 'b', 'ab', ''),
      danger: fc.constantFrom(undefined, CRITICAL, WARNING),
    })
    .map(({ tool, text, danger }) => call(tool, { command: text, file_path: text }, danger));
  const STRICTNESS = ['allow', 'ask', 'deny'];

  it("a session's policy is refused or never looser than the manager's, for any policies and calls", () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyPolicy, anyPolicy, fc.array(anyCall, { minLength: 1 }), (theirs, own, calls) => {
        const under = resolvePolicy(theirs);
        let over: ReturnType<typeof tightenPolicy>;
        try {
          over = tightenPolicy(under, own);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
          return;
        }
        accepted += 1;
        expect(over.approvalTimeoutMs).toBeLessThanOrEqual(under.approvalTimeoutMs);
        if (under.onHostLost === 'deny') expect(over.onHostLost).toBe('deny');
        for (const one of calls) {
          const strictness = STRICTNESS.indexOf(decide(over, one).decision);
          expect(strictness).toBeGreaterThanOrEqual(STRICTNESS.indexOf(decide(under, one).decision));
        }
      }),
      { numRuns: 1_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
