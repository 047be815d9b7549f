import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DecisionLog } from '../../../../src/core/orchestration/guard/decision-log.js';
import { RunGuard } from '../../../../src/core/orchestration/guard/run-guard.js';
import type { GuardRequest } from '../../../../src/core/orchestration/session/metadata.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import {
  type AskedCall,
  resolvePolicy,
  type ToolPolicy,
  type Verdict,
} from '../../../../src/core/orchestration/session/policy.js';
import type { SessionRun } from '../../../../src/core/orchestration/session/run.js';
import { fakeClock } from '../../../support/clock.js';
import { eventually } from '../../../support/eventually.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** Rated critical by any rules. */
const WIPE = 'rm -rf /';
const bash = (command: string, toolUseId = 't') => ({ toolUseId, tool: 'Bash', input: { command } });
const logged = (command: string, id = 't'): Observation => ({ kind: 'tool', id, name: 'Bash', input: { command } });
const result = (output: string, outcome: 'ok' | 'error' = 'ok', toolUseId = 't'): Observation => ({
  kind: 'tool-result',
  toolUseId,
  outcome,
  output,
});

async function scene(
  policy: ToolPolicy = {},
  workspace = '/workspace',
  file = join(tempFolder(), 'decisions.jsonl'),
  run: SessionRun = { number: 1 },
  off: readonly string[] = [],
  questions: 'ask' | 'decline' | 'terminal' = 'ask',
) {
  const record = new FakeRecord({ run });
  const { actions } = record;
  const decisions = new DecisionLog(file);
  onTestFinished(() => decisions.close());
  const guard = new RunGuard({
    policy: resolvePolicy(policy),
    place: { workspace, container: true, mounts: [], ignored: () => false },
    record,
    decisions,
    off,
    questions,
  });
  await guard.ready();
  const denials = () => actions.flatMap((action) => (action.type === 'denied' ? [action.denial] : []));
  const asked = (): GuardRequest => {
    const request = actions.flatMap((action) => (action.type === 'asked' ? [action.request] : [])).at(-1);
    if (!request) throw new Error('nothing was asked');
    return request;
  };
  const breaches: Observation[] = [];
  const report = (call: AskedCall): void => void breaches.push(...[guard.afterTool(call) ?? []].flat());
  return { guard, actions, denials, asked, file, breaches, report };
}

const ASK: ToolPolicy = { rules: [{ tool: 'Bash', matches: /push/, decision: 'ask', reason: 'Pushing is mine.' }] };

beforeEach(() => fakeClock(7_000));

describe('before a tool call', () => {
  it('the guard lets a call pass that the policy allows, and records nothing', async () => {
    const { guard, actions } = await scene();
    expect(await guard.beforeTool(bash('ls'))).toEqual({ allowed: true });
    expect(actions).toEqual([]);
  });

  it('the guard denies a critical call and gives the reason to the agent and to the record', async () => {
    const { guard, denials, actions } = await scene();
    const verdict = await guard.beforeTool(bash(WIPE));
    expect(verdict).toEqual({ allowed: false, reason: expect.stringMatching(/^Denied by policy: .{10}/) });
    const [denial] = denials();
    expect(denial).toMatchObject({ ...bash(WIPE), by: 'policy', danger: { level: 'critical' } });
    expect(verdict).toMatchObject({ reason: denial?.reason });
    expect(denial?.reason).toContain(denial?.danger?.reason);
    expect(actions).toMatchObject([{ type: 'denied', at: 7_000 }]);
  });

  it('the guard rates a call by the workspace path that the agent sees', async () => {
    const command = bash('rm -rf /srv/project');
    const [inside, outside] = await Promise.all(
      ['/srv/project', '/workspace'].map(async (workspace) => (await scene({}, workspace)).guard.beforeTool(command)),
    );
    expect(inside).toMatchObject({ allowed: false, reason: expect.stringContaining('workspace') });
    expect(outside).not.toEqual(inside);
  });

  it.each([
    ['allow', undefined, { allowed: true }],
    ['deny', undefined, { allowed: false, reason: 'Denied by the user.' }],
    ['deny', 'Use a branch.', { allowed: false, reason: 'Denied by the user: Use a branch.' }],
  ] as const)('the guard asks a person and follows the answer: %s, %j', async (decision, note, expected) => {
    const { guard, asked, denials } = await scene(ASK);
    const verdict = guard.beforeTool(bash('git push'));
    expect(guard.requests.waiting).toBe(true);
    guard.approvals.answer(asked().requestId, decision, note);
    expect(await verdict).toEqual(expected);
    expect(denials()).toMatchObject(decision === 'allow' ? [] : [{ by: 'person', tool: 'Bash' }]);
  });

  it('the guard denies a call without an answer and says why the call needed approval', async () => {
    const { guard, denials } = await scene({ ...ASK, approvalTimeoutMs: 2_000 });
    const verdict = guard.beforeTool(bash('git push'));
    vi.advanceTimersByTime(2_000);
    const reason = "Denied, as it needed the user's approval (Pushing is mine.): Nobody answered within 2 s.";
    expect(await verdict).toEqual({ allowed: false, reason });
    expect(denials()).toMatchObject([{ by: 'timeout', reason }]);
  });

  it('the guard denies waiting and later calls at the end of the run', async () => {
    const { guard, denials } = await scene(ASK);
    const verdict = guard.beforeTool(bash('git push'));
    guard.requests.end('It was cancelled.');
    expect(await verdict).toMatchObject({ allowed: false, reason: expect.stringContaining('It was cancelled.') });
    expect(denials()).toMatchObject([{ by: 'end' }]);
    expect(await guard.beforeTool(bash('git push', 'u'))).toMatchObject({ allowed: false });
  });

  it('an approval request shows the danger of its call and is frozen', async () => {
    const { guard, asked } = await scene({ dangerous: 'ask' });
    void guard.beforeTool(bash(WIPE));
    expect(asked()).toMatchObject({ danger: { level: 'critical' }, input: { command: WIPE } });
    expect(unfrozenParts({ ...asked() })).toEqual(['$']);
  });

  it('the guard denies a call that is nested too deeply for a person to check', async () => {
    const nested = (depth: number): object => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
    const { guard, actions } = await scene(ASK);
    expect(await guard.beforeTool({ ...bash('git push'), input: { command: 'git push', more: nested(60) } })).toEqual({
      allowed: false,
      reason: 'Denied: it is nested too deeply for a person to check.',
    });
    expect(actions.map(({ type }) => type)).toEqual(['denied']);
    void guard.beforeTool({ ...bash('git push'), input: { command: 'git push', more: nested(40) } });
    expect(actions.map(({ type }) => type)).toEqual(['denied', 'asked']);
  });

  it('the guard denies a call that is too long for a person to check', async () => {
    const { guard, actions } = await scene(ASK);
    const verdict = await guard.beforeTool(bash(`git push ${'x'.repeat(1_000_000)}`));
    expect(verdict).toEqual({
      allowed: false,
      reason: 'Denied: it is too long for a person to check; split it.',
    });
    expect(actions.map(({ type }) => type)).toEqual(['denied']);
  });

  it.each<[string, unknown]>([
    ['nested too deeply', JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)],
    ['not data', { command: () => {} }],
  ])('the guard denies a call that needs approval if its input is %s', async (_, input) => {
    const { guard, denials } = await scene({ rules: [{ tool: '*', decision: 'ask' }] });
    const verdict = guard.beforeTool({ toolUseId: 't', tool: 'mcp__x', input });
    expect(await verdict).toMatchObject({ allowed: false, reason: expect.stringMatching(/^Denied/) });
    expect(denials()).toHaveLength(1);
    expect(guard.requests.waiting).toBe(false);
  });
});

describe('tool calls in the log', () => {
  const kinds = (list: Observation[]): string[] => list.map(({ kind }) => kind);
  const reasonOf = (verdict: Verdict): string => (verdict.allowed ? '' : verdict.reason);

  it('inspect() returns an observation unchanged if it is not a tool call', async () => {
    const { guard } = await scene();
    const list: Observation[] = [
      { kind: 'init', conversationId: 'x' },
      { kind: 'message', text: 'hello', first: true },
      { kind: 'diagnostic', line: 'x' },
      { kind: 'error', severity: 'critical', code: 'auth', message: 'x' },
    ];
    expect(guard.inspect(list, true)).toEqual(list);
  });

  it('inspect() rates the danger of tool calls', async () => {
    const { guard } = await scene();
    const [wipe, list] = guard.inspect([logged(WIPE), logged('ls', 'u')], true);
    expect(wipe).toMatchObject({ kind: 'tool', danger: { level: 'critical' } });
    expect(unfrozenParts(wipe).filter((path) => path.includes('danger'))).toEqual([]);
    expect(list).toEqual(logged('ls', 'u'));
  });

  it('an allowed call that ran is not a breach', async () => {
    const { guard } = await scene();
    await guard.beforeTool(bash('ls'));
    const list = [logged('ls'), result('x')];
    expect(guard.inspect(list, true)).toEqual(list);
  });

  it('inspect() marks results and errors of denied calls as denied, and no others', async () => {
    const { guard } = await scene();
    const reason = reasonOf(await guard.beforeTool(bash(WIPE)));
    const error = { kind: 'error', severity: 'critical', code: 'permission_denied', message: reason } as const;
    const seen = guard.inspect(
      [result(reason, 'error'), { ...error, toolUseId: 't' }, { ...error, toolUseId: 'u' }],
      true,
    );
    expect(seen).toMatchObject([
      { kind: 'tool-result', outcome: 'denied' },
      { kind: 'error', severity: 'warning', code: 'denied', message: reason },
      { kind: 'error', severity: 'critical', code: 'permission_denied' },
    ]);
  });

  it.each<[string, (guard: RunGuard) => unknown, Observation[], string]>([
    ['without asking', () => {}, [logged('ls'), result('x')], 'without asking'],
    [
      'before anybody had decided',
      (guard) => void guard.beforeTool(bash('git push')),
      [logged('git push'), result('x')],
      'before anybody had decided',
    ],
    [
      'although it was denied',
      (guard) => guard.beforeTool(bash(WIPE)),
      [logged(WIPE), result('x')],
      'although it was denied',
    ],
    [
      'as another call',
      (guard) => guard.beforeTool(bash('ls')),
      [logged(WIPE), result('x')],
      'as another call than the one that was allowed',
    ],
    [
      'as another call, with a second log line that shows the allowed one',
      (guard) => guard.beforeTool(bash('ls')),
      [logged(WIPE), logged('ls'), result('x')],
      'as another call than the one that was allowed',
    ],
    [
      'as another call that needs approval',
      (guard) => guard.beforeTool(bash('ls')),
      [logged('git push'), result('x')],
      'as another call than the one that was allowed',
    ],
    [
      'although it was denied, with a harmless request afterwards',
      async (guard) => [await guard.beforeTool(bash(WIPE)), await guard.beforeTool(bash('ls'))],
      [logged(WIPE), result('x')],
      'although it was denied',
    ],
  ])('a call that ran %s is a breach', async (_, before, list, how) => {
    const { guard } = await scene(ASK);
    await before(guard);
    const seen = guard.inspect(list, true);
    expect(kinds(seen)).toEqual([...kinds(list), 'breach']);
    expect(seen.at(-1)).toEqual({
      ...(how === 'without asking' && { neverAsked: true }),
      kind: 'breach',
      id: 't',
      name: 'Bash',
      danger: {
        level: 'critical',
        rule: 'guard.bypassed',
        reason: expect.stringMatching(
          new RegExp(`^The call "Bash" \\("t"\\) ran ${how}\\. .*Claude Code.*its own faults.*continue\\(\\)`),
        ),
      },
    });
  });

  it('each call without permission is a breach of its own', async () => {
    const { guard } = await scene();
    await guard.beforeTool(bash('ls', 'asked'));
    const seen = guard.inspect([result('', 'ok', 'a'), result('', 'ok', 'asked'), result('', 'ok', 'b')], true);
    expect(seen.flatMap((one) => (one.kind === 'breach' ? [one.id, one.name] : []))).toEqual([
      'a',
      'unknown',
      'b',
      'unknown',
    ]);
  });

  it('a run without a guard has no breaches', async () => {
    const { guard } = await scene();
    expect(kinds(guard.inspect([logged(WIPE), result('x')], false))).toEqual(['tool', 'tool-result']);
  });

  it.each<[string, (guard: RunGuard) => unknown]>([
    ['that nobody asked about', () => {}],
    ['that nobody had decided about', (guard) => void guard.beforeTool(bash('git push'))],
    ['that was denied', (guard) => guard.beforeTool(bash(WIPE))],
  ])('while the run is being ended, a call %s is a breach only if it succeeded', async (_, happens) => {
    const { guard } = await scene(ASK);
    await happens(guard);
    expect(kinds(guard.inspect([result('Interrupted', 'error')], 'ended'))).toEqual(['tool-result']);
    expect(kinds(guard.inspect([result('x')], 'ended'))).toEqual(['tool-result', 'breach']);
  });

  it('while the run is being ended, an allowed call is not a breach', async () => {
    const { guard } = await scene();
    await guard.beforeTool(bash('ls'));
    expect(kinds(guard.inspect([logged('ls'), result('x')], 'ended'))).toEqual(['tool', 'tool-result']);
  });

  it('an unreadable log line is a breach if every call has to be seen', async () => {
    const { guard } = await scene();
    const list: Observation[] = [logged('ls'), { kind: 'tampered' }];
    expect(guard.inspect(list, true)).toEqual([
      logged('ls'),
      {
        kind: 'breach',
        id: 'unknown',
        name: 'unknown',
        danger: {
          level: 'critical',
          rule: 'guard.bypassed',
          reason: expect.stringContaining(
            'The log cannot be read where it may tell of a tool call, or transcripts are missing',
          ),
        },
      },
    ]);
    for (const enforced of ['ended', false] as const)
      expect(guard.inspect(list, enforced), `${enforced}`).toEqual([logged('ls')]);
  });

  it('more open calls than a run has are one breach', async () => {
    const { guard } = await scene();
    const list = (from: number): Observation[] =>
      Array.from({ length: 6_000 }, (_, at) => ({ kind: 'tool', id: `${from + at}`, name: 'Read', input: {} }));
    const breaches = (from: number): Observation[] =>
      guard.inspect(list(from), true).filter(({ kind }) => kind === 'breach');
    expect(breaches(0)).toEqual([]);
    expect(breaches(6_000)).toMatchObject([
      { id: 'unknown', danger: { reason: expect.stringContaining('more open') } },
    ]);
    expect(breaches(12_000)).toEqual([]);
  });

  it('all calls of a log line share the rating effort of one call, and the rest count as too complex', async () => {
    const { guard } = await scene();
    const commands = 'true; '.repeat(300);
    const line = Array.from({ length: 6 }, (_, index) => logged(commands, `${index}`));
    const dangers = (list: Observation[]): unknown[] =>
      list.map((one) => (one.kind === 'tool' ? one.danger?.rule : undefined));
    const tooComplex = 'shell.too-complex';
    expect(dangers(guard.inspect(line, true))).toEqual([undefined, undefined, undefined, ...Array(3).fill(tooComplex)]);
    expect(dangers(guard.inspect(line.slice(0, 1), true)), 'the next line').toEqual([undefined]);
  });

  it('a call that Claude Code itself refused is not a breach', async () => {
    const { guard } = await scene();
    const refused = result('<tool_use_error>InputValidationError</tool_use_error>', 'error');
    expect(guard.inspect([logged('ls'), refused], true)).toEqual([logged('ls'), refused]);
  });

  it('the guard handles inputs of any depth', async () => {
    const { guard } = await scene();
    const input: unknown = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`);
    for (const [tool, toolUseId] of [
      ['Bash', 'a'],
      ['Write', 'b'],
      ['mcp__x', 'c'],
    ] as const) {
      await guard.beforeTool({ toolUseId, tool, input });
      expect(kinds(guard.inspect([{ kind: 'tool', id: toolUseId, name: tool, input }], true))).toEqual(['tool']);
    }
  });
});

describe('a guard whose rules are not loaded', () => {
  const unready = () => {
    const record = new FakeRecord();
    const decisions = new DecisionLog(join(tempFolder(), 'decisions.jsonl'));
    onTestFinished(() => decisions.close());
    const place = { workspace: '/workspace', container: true, mounts: [], ignored: () => false };
    const guard = new RunGuard({ policy: resolvePolicy(), place, record, decisions });
    return { guard, actions: record.actions };
  };

  it('a guard loads its rules before it decides about a call', async () => {
    const { guard, actions } = unready();
    const verdicts = await Promise.all([guard.beforeTool(bash(WIPE, 'a')), guard.beforeTool(bash('ls', 'b'))]);
    expect(verdicts).toMatchObject([{ allowed: false }, { allowed: true }]);
    expect(actions).toMatchObject([{ type: 'denied', denial: { danger: { level: 'critical' } } }]);
  });

  it('inspect() throws until the rules are loaded', async () => {
    const { guard } = unready();
    expect(() => guard.inspect([logged(WIPE)], true)).toThrow('ready()');
    await guard.ready();
    expect(guard.inspect([logged(WIPE)], true)).toMatchObject([{ danger: { level: 'critical' } }]);
  });
});

describe('a guard that takes over', () => {
  it('a restored guard knows the decisions of the previous guard and reports no breach for them', async () => {
    const first = await scene();
    expect(await first.guard.beforeTool(bash('ls', 'a'))).toEqual({ allowed: true });
    const { reason = '' } = (await first.guard.beforeTool(bash(WIPE, 'b'))) as { reason?: string };
    const next = await scene({}, '/workspace', first.file);
    await next.guard.restore();
    const lines = [logged('ls', 'a'), result('x', 'ok', 'a'), logged(WIPE, 'b'), result(reason, 'error', 'b')];
    const seen = next.guard.inspect(lines, true);
    expect(seen.filter(({ kind }) => kind === 'breach')).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ kind: 'tool-result', outcome: 'denied' });
    // Without the decisions, a guard reports breaches.
    expect((await scene()).guard.inspect(lines, true).filter(({ kind }) => kind === 'breach')).toHaveLength(2);
  });

  it('a decision is on disk before its call may run', async () => {
    const { guard, file } = await scene();
    await guard.beforeTool(bash('ls', 'a'));
    expect(readFileSync(file, 'utf8')).toMatch(/^\n\{"toolUseId":"a",.*"verdict":\{"allowed":true\}\}\n$/);
    expect(readFileSync(file, 'utf8')).not.toContain('"ls"');
  });

  it('the guard denies a call if the decision cannot be written to disk', async () => {
    const { guard, denials } = await scene({}, '/workspace', join(tempFolder(), 'none', 'decisions.jsonl'));
    const verdict = await guard.beforeTool(bash('ls', 'a'));
    expect(verdict).toEqual({ allowed: false, reason: 'Denied: the decision could not be written down.' });
    expect(denials()).toMatchObject([{ toolUseId: 'a', by: 'policy' }]);
    expect(await guard.beforeTool(bash(WIPE, 'b'))).toEqual(verdict);
    expect(denials()).toMatchObject([{}, { toolUseId: 'b', reason: expect.stringMatching(/^Denied by policy/) }]);
    const { reason = '' } = verdict as { reason?: string };
    const lines = ['a', 'b'].flatMap((id) => [logged(WIPE, id), result(reason, 'error', id)]);
    for (const host of [guard, (await scene()).guard])
      expect(host.inspect(lines, true).filter(({ kind }) => kind === 'breach')).toEqual([]);
  });

  it('an unrecorded denial of an MCP call is accepted only by the guard that denied the call', async () => {
    const mine: ToolPolicy = { rules: [{ tool: 'mcp__x', decision: 'deny' }] };
    const { guard } = await scene(mine, '/workspace', join(tempFolder(), 'none', 'decisions.jsonl'));
    const call = { toolUseId: 'a', tool: 'mcp__x', input: {} };
    const { reason = '' } = (await guard.beforeTool(call)) as { reason?: string };
    const lines: Observation[] = [{ kind: 'tool', id: 'a', name: 'mcp__x', input: {} }, result(reason, 'error', 'a')];
    expect(guard.inspect(lines, true).map(({ kind }) => kind)).toEqual(['tool', 'tool-result']);
    // Another guard does not trust the text, because the MCP server may have written it.
    expect((await scene(mine)).guard.inspect(lines, true).at(-1)).toMatchObject({ kind: 'breach' });
  });

  it('the guard extends an approval deadline by the time for which the run was paused', async () => {
    const { guard, asked } = await scene({ ...ASK, approvalTimeoutMs: 60_000 }, '/workspace', undefined, {
      number: 1,
      pauses: [{ pausedAt: 5_000, resumedAt: 35_000 }],
    });
    void guard.beforeTool({ ...bash('git push'), askedAt: 5_000 });
    await eventually(() => expect(asked()).toMatchObject({ askedAt: 5_000, deadline: 95_000 }));
  });

  it('the guard denies a request for a call that is over, and asks no person', async () => {
    const { guard, actions } = await scene(ASK);
    guard.inspect([logged('git push', 'a'), result('x', 'error', 'a')], 'ended');
    expect(await guard.beforeTool(bash('git push', 'a'))).toEqual({
      allowed: false,
      reason: 'Denied: the call is over.',
    });
    expect(actions).toEqual([]);
  });

  it('the guard asks a person about an earlier request with the time that is left', async () => {
    const { guard, asked } = await scene({ ...ASK, approvalTimeoutMs: 60_000 });
    void guard.beforeTool({ ...bash('git push'), askedAt: 5_000 });
    await eventually(() => expect(asked()).toMatchObject({ askedAt: 5_000, deadline: 65_000 }));
  });

  it('calls that were logged before the guard was enforced are no breaches, but later calls are', async () => {
    const { guard } = await scene();
    const calm = guard.inspect([logged('ls', 'a')], 'unasked');
    expect(calm).toHaveLength(1);
    const seen = guard.inspect([result('x', 'ok', 'a'), logged('ls', 'b'), result('x', 'ok', 'b')], true);
    expect(seen.flatMap((one) => (one.kind === 'breach' ? [one.id] : []))).toEqual(['b']);
  });
});

describe('the report of a hook after its call', () => {
  const BREACH = { kind: 'breach', id: 't', danger: { level: 'critical', rule: 'guard.bypassed' } };

  it('a report of the allowed call is no breach', async () => {
    const { guard, breaches, report } = await scene();
    const input = { command: 'ls', timeout: 5_000 };
    await guard.beforeTool({ ...bash('ls'), input });
    report({ ...bash('ls'), input: { timeout: '5000', command: 'ls' } });
    expect(breaches).toEqual([]);
  });

  it.each([
    ['Bash', { command: 'ls' }, { command: 'rm -rf src; ls' }],
    ['Bash', { command: 'ls' }, {}],
    ['Write', { file_path: '/workspace/a', content: 'x' }, { file_path: '/workspace/a', content: 'y' }],
    ['Write', { file_path: '/workspace/a', content: 'x' }, { file_path: '/workspace/.git/config', content: 'x' }],
    ['WebFetch', { url: 'https://a.example', prompt: 'x' }, { url: 'https://b.example', prompt: 'x' }],
    ['Monitor', { command: 'ls', description: 'x' }, { command: 'rm x', description: 'x' }],
    ['mcp__x__y', { list: [1, { a: 2 }] }, { list: [1, { a: 3 }] }],
  ])('a report of %s with another input than the allowed one is a breach: %j, %j', async (tool, input, ran) => {
    const { guard, breaches, report } = await scene();
    await guard.beforeTool({ toolUseId: 't', tool, input });
    report({ toolUseId: 't', tool, input: ran });
    expect(breaches).toMatchObject([{ ...BREACH, name: tool }]);
  });

  it('a report of another tool than the allowed one is a breach', async () => {
    const { guard, breaches, report } = await scene();
    await guard.beforeTool(bash('ls'));
    report({ toolUseId: 't', tool: 'Monitor', input: { command: 'ls' } });
    expect(breaches).toMatchObject([BREACH]);
  });

  it('a report of a denied call is a breach', async () => {
    const { guard, breaches, report } = await scene();
    await guard.beforeTool(bash(WIPE));
    report(bash(WIPE));
    expect(breaches).toMatchObject([BREACH]);
  });

  it('a report of another input than the one that an earlier process allowed is a breach', async () => {
    const before = await scene();
    await before.guard.beforeTool(bash('ls'));
    const { guard, breaches, report } = await scene({}, '/workspace', before.file);
    await guard.restore();
    report(bash('rm x'));
    expect(breaches).toMatchObject([BREACH]);
  });

  it('a report of the first input is no breach if a newer release asks again with a second input', async () => {
    const { guard, breaches, report } = await scene();
    const raw = { to: 'bob', message: 'x' };
    await guard.beforeTool({ toolUseId: 't', tool: 'SendMessage', input: raw });
    await guard.beforeTool({ toolUseId: 't', tool: 'SendMessage', input: { ...raw, recipient: 'bob', content: 'x' } });
    report({ toolUseId: 't', tool: 'SendMessage', input: raw });
    expect(breaches).toEqual([]);
  });

  it('a report is no breach if nobody was asked, or if a person at the terminal answers within the input', async () => {
    const { guard, breaches, report } = await scene({}, undefined, undefined, undefined, [], 'terminal');
    report(bash('ls'));
    await guard.beforeTool({ toolUseId: 'q', tool: 'AskUserQuestion', input: { questions: [] } });
    report({ toolUseId: 'q', tool: 'AskUserQuestion', input: { questions: [], answers: { a: 'b' } } });
    expect(breaches).toEqual([]);
  });
});

it('a report that a question ran itself is a breach, because its answer was given instead', async () => {
  const { guard, breaches, report } = await scene({}, undefined, undefined, undefined, [], 'decline');
  const call = { toolUseId: 'q', tool: 'AskUserQuestion', input: { questions: [{ question: 'Go on?' }] } };
  await guard.beforeTool(call);
  report({ ...call, input: { ...call.input, answers: { 'Go on?': 'Yes' } } });
  expect(breaches).toMatchObject([{ kind: 'breach', name: 'AskUserQuestion' }]);
});

it('a person is asked once about a call that a newer release asks about twice', async () => {
  const { guard, actions, asked } = await scene({ rules: [{ tool: 'Monitor', decision: 'ask' }] });
  const first = guard.beforeTool({ toolUseId: 't', tool: 'Monitor', input: { command: 'ls', persistent: false } });
  guard.approvals.answer(asked().requestId, 'allow', undefined);
  expect(await first).toEqual({ allowed: true });
  const again = await guard.beforeTool({ toolUseId: 't', tool: 'Monitor', input: { command: 'ls' } });
  expect(again).toEqual({ allowed: true });
  expect(actions.filter(({ type }) => type === 'asked')).toHaveLength(1);
});

describe('tools whose work does not appear in the log', () => {
  it.each([
    ['Workflow', { script: 'return 1' }],
    ['Agent', { prompt: 'x', isolation: 'remote' }],
    ['Task', { prompt: 'x', isolation: 'remote' }],
  ])('a tool whose work does not appear in the log is denied: %s %j', async (tool, input) => {
    const { guard, denials } = await scene({ dangerous: 'allow' }, '/workspace', undefined, undefined, ['Workflow']);
    const verdict = await guard.beforeTool({ toolUseId: 't', tool, input });
    expect(verdict).toEqual({ allowed: false, reason: expect.stringContaining('is in no log') });
    expect(denials()).toMatchObject([{ tool, by: 'policy' }]);
  });

  it('the use of a denied tool whose work does not appear in the log is a breach', async () => {
    const { guard } = await scene({}, '/workspace', undefined, undefined, ['Workflow']);
    const input = { script: 'return 1' };
    await guard.beforeTool({ toolUseId: 't', tool: 'Workflow', input });
    const seen = guard.inspect([{ kind: 'tool', id: 't', name: 'Workflow', input }, result('launched')], true);
    expect(seen.at(-1)).toMatchObject({ kind: 'breach', name: 'Workflow' });
  });

  it('a tool whose work does not appear in the log is allowed if the session did not turn it off', async () => {
    const { guard } = await scene();
    expect(await guard.beforeTool({ toolUseId: 't', tool: 'Workflow', input: { script: '1' } })).toEqual({
      allowed: true,
    });
  });
});

it('a denied MCP call is no breach in the words of a newer release, but a breach in other words', async () => {
  for (const [words, breaches] of [
    [(reason: string) => `<tool_use_error>PreToolUse:mcp__x__y hook error: ${reason}</tool_use_error>`, 0],
    [(reason: string) => `<tool_use_error>PreToolUse:mcp__x__y hook error: ${reason}, and more</tool_use_error>`, 1],
  ] as const) {
    const { guard } = await scene({ rules: [{ tool: 'mcp__*', decision: 'deny', reason: 'Not those.' }] });
    const call = { toolUseId: 't', tool: 'mcp__x__y', input: { a: 1 } };
    const verdict = await guard.beforeTool(call);
    const reason = verdict.allowed ? '' : verdict.reason;
    const seen = guard.inspect(
      [{ kind: 'tool', id: 't', name: call.tool, input: call.input }, result(words(reason), 'error')],
      true,
    );
    expect(seen.filter(({ kind }) => kind === 'breach')).toHaveLength(breaches);
  }
});

describe('a call without a result', () => {
  const sub = (parentToolUseId: string): Observation => ({ ...logged('ls', 'sub'), parentToolUseId }) as Observation;
  const task = (state: 'running' | 'completed' | 'stopped', toolUseId?: string): Observation => ({
    kind: 'task',
    id: 'task',
    state,
    ...(toolUseId !== undefined && { toolUseId }),
  });

  it.each<[string, Observation[], string | undefined]>([
    ['that has not asked', [logged('ls')], 't'],
    ['that has not asked, among others', [logged('ls', 'a'), result('x', 'error', 'a'), logged('ls')], 't'],
    ['that got one', [logged('ls'), result('<tool_use_error>x</tool_use_error>', 'error')], undefined],
    ['of a tool that asks nobody', [{ kind: 'tool', id: 't', name: 'EndConversation', input: {} }], undefined],
    ['of a subagent', [sub('a'), result('x', 'ok', 'a')], 'sub'],
    ['of a subagent that has ended', [task('running', 'a'), sub('a'), task('completed')], 'sub'],
    ['of a subagent that failed', [sub('a'), result('API Error', 'error', 'a')], undefined],
    ['of a subagent that was stopped', [task('running', 'a'), sub('a'), task('stopped')], undefined],
    ['of another subagent than the one that was stopped', [task('running', 'b'), sub('a'), task('stopped')], 'sub'],
  ])('a call %s', async (_, list, id) => {
    const { guard } = await scene();
    guard.inspect(list, true);
    expect(guard.unjudged()?.id).toBe(id);
  });

  it('is no breach if it has asked, now or in an earlier process, or if nobody was there to be asked', async () => {
    const { guard, file } = await scene(ASK);
    await guard.beforeTool(bash('ls', 'asked'));
    void guard.beforeTool(bash('git push', 'pending'));
    guard.inspect([logged('ls', 'asked'), logged('git push', 'pending')], true);
    guard.inspect([logged('ls', 'unasked')], 'unasked');
    expect(guard.unjudged()).toBeUndefined();
    const { guard: next } = await scene(ASK, '/workspace', file);
    await next.restore();
    next.inspect([logged('ls', 'asked')], true);
    expect(next.unjudged()).toBeUndefined();
  });

  it('of a tool that is off has to ask, whatever its name', async () => {
    const { guard } = await scene({}, '/workspace', undefined, { number: 1 }, ['EndConversation']);
    guard.inspect([{ kind: 'tool', id: 't', name: 'EndConversation', input: {} }], true);
    expect(guard.unjudged()).toMatchObject({ id: 't', name: 'EndConversation' });
  });
});
