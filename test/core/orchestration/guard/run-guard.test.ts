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
  it('lets pass what the policy allows, without a word', async () => {
    const { guard, actions } = await scene();
    expect(await guard.beforeTool(bash('ls'))).toEqual({ allowed: true });
    expect(actions).toEqual([]);
  });

  it('denies what is critical, and says why to the agent and to the record', async () => {
    const { guard, denials, actions } = await scene();
    const verdict = await guard.beforeTool(bash(WIPE));
    expect(verdict).toEqual({ allowed: false, reason: expect.stringMatching(/^Denied by policy: .{10}/) });
    const [denial] = denials();
    expect(denial).toMatchObject({ ...bash(WIPE), by: 'policy', danger: { level: 'critical' } });
    expect(verdict).toMatchObject({ reason: denial?.reason });
    expect(denial?.reason).toContain(denial?.danger?.reason);
    expect(actions).toMatchObject([{ type: 'denied', at: 7_000 }]);
  });

  it('rates by the workspace as the agent sees it', async () => {
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
  ] as const)('asks a person who says %s, %j', async (decision, note, expected) => {
    const { guard, asked, denials } = await scene(ASK);
    const verdict = guard.beforeTool(bash('git push'));
    expect(guard.approvals.waiting).toBe(true);
    guard.approvals.answer(asked().requestId, decision, note);
    expect(await verdict).toEqual(expected);
    expect(denials()).toMatchObject(decision === 'allow' ? [] : [{ by: 'person', tool: 'Bash' }]);
  });

  it('denies for want of an answer, and says what it was that needed one', async () => {
    const { guard, denials } = await scene({ ...ASK, approvalTimeoutMs: 2_000 });
    const verdict = guard.beforeTool(bash('git push'));
    vi.advanceTimersByTime(2_000);
    const reason = "Denied, as it needed the user's approval (Pushing is mine.): Nobody answered within 2 s.";
    expect(await verdict).toEqual({ allowed: false, reason });
    expect(denials()).toMatchObject([{ by: 'timeout', reason }]);
  });

  it('denies at the end of the run', async () => {
    const { guard, denials } = await scene(ASK);
    const verdict = guard.beforeTool(bash('git push'));
    guard.approvals.end('It was cancelled.');
    expect(await verdict).toMatchObject({ allowed: false, reason: expect.stringContaining('It was cancelled.') });
    expect(denials()).toMatchObject([{ by: 'end' }]);
    expect(await guard.beforeTool(bash('git push', 'u'))).toMatchObject({ allowed: false });
  });

  it('shows the danger to the person who is asked, frozen like all of it', async () => {
    const { guard, asked } = await scene({ dangerous: 'ask' });
    void guard.beforeTool(bash(WIPE));
    expect(asked()).toMatchObject({ danger: { level: 'critical' }, input: { command: WIPE } });
    expect(unfrozenParts({ ...asked() })).toEqual(['$']);
  });

  it('asks nobody about what is nested so deeply that showing it could fail', async () => {
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

  it('asks nobody about what is too long to be read', async () => {
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
    ['no data', { command: () => {} }],
  ])('denies a call that a person would have to check, but whose input is %s', async (_, input) => {
    const { guard, denials } = await scene({ rules: [{ tool: '*', decision: 'ask' }] });
    const verdict = guard.beforeTool({ toolUseId: 't', tool: 'mcp__x', input });
    expect(await verdict).toMatchObject({ allowed: false, reason: expect.stringMatching(/^Denied/) });
    expect(denials()).toHaveLength(1);
    expect(guard.approvals.waiting).toBe(false);
  });
});

describe('what the log tells', () => {
  const kinds = (list: Observation[]): string[] => list.map(({ kind }) => kind);
  const reasonOf = (verdict: Verdict): string => (verdict.allowed ? '' : verdict.reason);

  it('passes on as it is what is no tool call', async () => {
    const { guard } = await scene();
    const list: Observation[] = [
      { kind: 'init', conversationId: 'x' },
      { kind: 'message', text: 'hello', first: true },
      { kind: 'diagnostic', line: 'x' },
      { kind: 'error', severity: 'critical', code: 'auth', message: 'x' },
    ];
    expect(guard.inspect(list, true)).toEqual(list);
  });

  it('rates the calls', async () => {
    const { guard } = await scene();
    const [wipe, list] = guard.inspect([logged(WIPE), logged('ls', 'u')], true);
    expect(wipe).toMatchObject({ kind: 'tool', danger: { level: 'critical' } });
    expect(unfrozenParts(wipe).filter((path) => path.includes('danger'))).toEqual([]);
    expect(list).toEqual(logged('ls', 'u'));
  });

  it('takes a call that was allowed for what it is', async () => {
    const { guard } = await scene();
    await guard.beforeTool(bash('ls'));
    const list = [logged('ls'), result('x')];
    expect(guard.inspect(list, true)).toEqual(list);
  });

  it('tells denied calls from failed ones, and their errors too', async () => {
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
      'as another call, with a second line in the log that tells of the first',
      (guard) => guard.beforeTool(bash('ls')),
      [logged(WIPE), logged('ls'), result('x')],
      'as another call than the one that was allowed',
    ],
    [
      'as another call, of which a person would have been asked',
      (guard) => guard.beforeTool(bash('ls')),
      [logged('git push'), result('x')],
      'as another call than the one that was allowed',
    ],
    [
      'although it was denied, with a harmless question afterwards',
      async (guard) => [await guard.beforeTool(bash(WIPE)), await guard.beforeTool(bash('ls'))],
      [logged(WIPE), result('x')],
      'although it was denied',
    ],
  ])('has a call that ran %s for a breach', async (_, before, list, how) => {
    const { guard } = await scene(ASK);
    await before(guard);
    const seen = guard.inspect(list, true);
    expect(kinds(seen)).toEqual([...kinds(list), 'breach']);
    expect(seen.at(-1)).toEqual({
      kind: 'breach',
      id: 't',
      name: 'Bash',
      danger: {
        level: 'critical',
        rule: 'guard.bypassed',
        reason: `The call ran ${how}: the guard's hook was switched off, killed or deceived.`,
      },
    });
  });

  it('has one breach for each call, whichever they are', async () => {
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

  it('has none where the run has no guard', async () => {
    const { guard } = await scene();
    expect(kinds(guard.inspect([logged(WIPE), result('x')], false))).toEqual(['tool', 'tool-result']);
  });

  it.each<[string, (guard: RunGuard) => unknown]>([
    ['that nobody asked about', () => {}],
    ['that nobody had decided about', (guard) => void guard.beforeTool(bash('git push'))],
    ['that was denied', (guard) => guard.beforeTool(bash(WIPE))],
  ])('has one while the run is being ended only where it went well: a call %s', async (_, happens) => {
    const { guard } = await scene(ASK);
    await happens(guard);
    expect(kinds(guard.inspect([result('Interrupted', 'error')], 'ended'))).toEqual(['tool-result']);
    expect(kinds(guard.inspect([result('x')], 'ended'))).toEqual(['tool-result', 'breach']);
  });

  it('has none while the run is being ended where the call was allowed', async () => {
    const { guard } = await scene();
    await guard.beforeTool(bash('ls'));
    expect(kinds(guard.inspect([logged('ls'), result('x')], 'ended'))).toEqual(['tool', 'tool-result']);
  });

  it('has a line that nobody can read for one, where every call has to be seen', async () => {
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
          reason: 'The log cannot be read where it tells of a tool call, or transcripts are missing from it.',
        },
      },
    ]);
    for (const enforced of ['ended', false] as const)
      expect(guard.inspect(list, enforced), `${enforced}`).toEqual([logged('ls')]);
  });

  it('rates all calls of a line together for what one may cost: the rest is too complex', async () => {
    const { guard } = await scene();
    const commands = 'true; '.repeat(300);
    const line = Array.from({ length: 6 }, (_, index) => logged(commands, `${index}`));
    const dangers = (list: Observation[]): unknown[] =>
      list.map((one) => (one.kind === 'tool' ? one.danger?.rule : undefined));
    const tooComplex = 'shell.too-complex';
    expect(dangers(guard.inspect(line, true))).toEqual([undefined, undefined, undefined, ...Array(3).fill(tooComplex)]);
    expect(dangers(guard.inspect(line.slice(0, 1), true)), 'the next line').toEqual([undefined]);
  });

  it('has none for a call that Claude refused itself', async () => {
    const { guard } = await scene();
    const refused = result('<tool_use_error>InputValidationError</tool_use_error>', 'error');
    expect(guard.inspect([logged('ls'), refused], true)).toEqual([logged('ls'), refused]);
  });

  it('bears inputs of any depth', async () => {
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

  it('loads them before it decides about a call', async () => {
    const { guard, actions } = unready();
    const verdicts = await Promise.all([guard.beforeTool(bash(WIPE, 'a')), guard.beforeTool(bash('ls', 'b'))]);
    expect(verdicts).toMatchObject([{ allowed: false }, { allowed: true }]);
    expect(actions).toMatchObject([{ type: 'denied', denial: { danger: { level: 'critical' } } }]);
  });

  it('lets no line of the log pass unrated', async () => {
    const { guard } = unready();
    expect(() => guard.inspect([logged(WIPE)], true)).toThrow('ready()');
    await guard.ready();
    expect(guard.inspect([logged(WIPE)], true)).toMatchObject([{ danger: { level: 'critical' } }]);
  });
});

describe('a guard that takes over', () => {
  it('knows what its predecessor has decided, and takes nothing of it for a breach', async () => {
    const first = await scene();
    expect(await first.guard.beforeTool(bash('ls', 'a'))).toEqual({ allowed: true });
    const { reason = '' } = (await first.guard.beforeTool(bash(WIPE, 'b'))) as { reason?: string };
    const next = await scene({}, '/workspace', first.file);
    await next.guard.restore();
    const lines = [logged('ls', 'a'), result('x', 'ok', 'a'), logged(WIPE, 'b'), result(reason, 'error', 'b')];
    const seen = next.guard.inspect(lines, true);
    expect(seen.filter(({ kind }) => kind === 'breach')).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ kind: 'tool-result', outcome: 'denied' });
    // Without them it would have to take them for breaches.
    expect((await scene()).guard.inspect(lines, true).filter(({ kind }) => kind === 'breach')).toHaveLength(2);
  });

  it('has what was decided on disk before the call may run', async () => {
    const { guard, file } = await scene();
    await guard.beforeTool(bash('ls', 'a'));
    expect(readFileSync(file, 'utf8')).toMatch(/^\n\{"toolUseId":"a",.*"verdict":\{"allowed":true\}\}\n$/);
    expect(readFileSync(file, 'utf8')).not.toContain('"ls"');
  });

  it('denies what it cannot write down', async () => {
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

  it("holds what an MCP server's call says against what its host has said, whatever is on record", async () => {
    const mine: ToolPolicy = { rules: [{ tool: 'mcp__x', decision: 'deny' }] };
    const { guard } = await scene(mine, '/workspace', join(tempFolder(), 'none', 'decisions.jsonl'));
    const call = { toolUseId: 'a', tool: 'mcp__x', input: {} };
    const { reason = '' } = (await guard.beforeTool(call)) as { reason?: string };
    const lines: Observation[] = [{ kind: 'tool', id: 'a', name: 'mcp__x', input: {} }, result(reason, 'error', 'a')];
    expect(guard.inspect(lines, true).map(({ kind }) => kind)).toEqual(['tool', 'tool-result']);
    // Another host takes no server's word for it.
    expect((await scene(mine)).guard.inspect(lines, true).at(-1)).toMatchObject({ kind: 'breach' });
  });

  it('adds the time in which the run was frozen to that in which a person may answer', async () => {
    const { guard, asked } = await scene({ ...ASK, approvalTimeoutMs: 60_000 }, '/workspace', undefined, {
      number: 1,
      pauses: [{ pausedAt: 5_000, resumedAt: 35_000 }],
    });
    void guard.beforeTool({ ...bash('git push'), askedAt: 5_000 });
    await eventually(() => expect(asked()).toMatchObject({ askedAt: 5_000, deadline: 95_000 }));
  });

  it('is not asked about calls that are over: whoever asks is gone', async () => {
    const { guard, actions } = await scene(ASK);
    guard.inspect([logged('git push', 'a'), result('x', 'error', 'a')], 'ended');
    expect(await guard.beforeTool(bash('git push', 'a'))).toEqual({
      allowed: false,
      reason: 'Denied: the call is over.',
    });
    expect(actions).toEqual([]);
  });

  it('asks a person with the time that is left', async () => {
    const { guard, asked } = await scene({ ...ASK, approvalTimeoutMs: 60_000 });
    void guard.beforeTool({ ...bash('git push'), askedAt: 5_000 });
    await eventually(() => expect(asked()).toMatchObject({ askedAt: 5_000, deadline: 65_000 }));
  });

  it('takes calls that ran unasked for none where nobody had to be asked, later ones excepted', async () => {
    const { guard } = await scene();
    const calm = guard.inspect([logged('ls', 'a')], false);
    expect(calm).toHaveLength(1);
    const seen = guard.inspect([result('x', 'ok', 'a'), logged('ls', 'b'), result('x', 'ok', 'b')], true);
    expect(seen.flatMap((one) => (one.kind === 'breach' ? [one.id] : []))).toEqual(['b']);
  });
});

describe('what a hook reports after its call', () => {
  const BREACH = { kind: 'breach', id: 't', danger: { level: 'critical', rule: 'guard.bypassed' } };

  it('is no breach where it is what was allowed', async () => {
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
  ])('is a breach where %s ran with another input than the one that was allowed: %j, %j', async (tool, input, ran) => {
    const { guard, breaches, report } = await scene();
    await guard.beforeTool({ toolUseId: 't', tool, input });
    report({ toolUseId: 't', tool, input: ran });
    expect(breaches).toMatchObject([{ ...BREACH, name: tool }]);
  });

  it('is a breach where another tool ran', async () => {
    const { guard, breaches, report } = await scene();
    await guard.beforeTool(bash('ls'));
    report({ toolUseId: 't', tool: 'Monitor', input: { command: 'ls' } });
    expect(breaches).toMatchObject([BREACH]);
  });

  it('is a breach where the call was denied', async () => {
    const { guard, breaches, report } = await scene();
    await guard.beforeTool(bash(WIPE));
    report(bash(WIPE));
    expect(breaches).toMatchObject([BREACH]);
  });

  it('is a breach also where an earlier host has allowed something else', async () => {
    const before = await scene();
    await before.guard.beforeTool(bash('ls'));
    const { guard, breaches, report } = await scene({}, '/workspace', before.file);
    await guard.restore();
    report(bash('rm x'));
    expect(breaches).toMatchObject([BREACH]);
  });

  it('is none of the first or the second input that a newer release asks about', async () => {
    const { guard, breaches, report } = await scene();
    const raw = { to: 'bob', message: 'x' };
    await guard.beforeTool({ toolUseId: 't', tool: 'SendMessage', input: raw });
    await guard.beforeTool({ toolUseId: 't', tool: 'SendMessage', input: { ...raw, recipient: 'bob', content: 'x' } });
    report({ toolUseId: 't', tool: 'SendMessage', input: raw });
    expect(breaches).toEqual([]);
  });

  it('is none where nobody was asked, which the log tells, or where a person answers in the input', async () => {
    const { guard, breaches, report } = await scene();
    report(bash('ls'));
    await guard.beforeTool({ toolUseId: 'q', tool: 'AskUserQuestion', input: { questions: [] } });
    report({ toolUseId: 'q', tool: 'AskUserQuestion', input: { questions: [], answers: { a: 'b' } } });
    expect(breaches).toEqual([]);
  });
});

it('a call that a newer release asks about twice is put to a person once', async () => {
  const { guard, actions, asked } = await scene({ rules: [{ tool: 'Monitor', decision: 'ask' }] });
  const first = guard.beforeTool({ toolUseId: 't', tool: 'Monitor', input: { command: 'ls', persistent: false } });
  guard.approvals.answer(asked().requestId, 'allow', undefined);
  expect(await first).toEqual({ allowed: true });
  const again = await guard.beforeTool({ toolUseId: 't', tool: 'Monitor', input: { command: 'ls' } });
  expect(again).toEqual({ allowed: true });
  expect(actions.filter(({ type }) => type === 'asked')).toHaveLength(1);
});

describe('tools whose work is in no log', () => {
  it.each([
    ['Workflow', { script: 'return 1' }],
    ['Agent', { prompt: 'x', isolation: 'remote' }],
    ['Task', { prompt: 'x', isolation: 'remote' }],
  ])('are denied: %s %j', async (tool, input) => {
    const { guard, denials } = await scene({ dangerous: 'allow' }, '/workspace', undefined, undefined, ['Workflow']);
    const verdict = await guard.beforeTool({ toolUseId: 't', tool, input });
    expect(verdict).toEqual({ allowed: false, reason: expect.stringContaining('is in no log') });
    expect(denials()).toMatchObject([{ tool, by: 'policy' }]);
  });

  it('end the session where they are used all the same', async () => {
    const { guard } = await scene({}, '/workspace', undefined, undefined, ['Workflow']);
    const input = { script: 'return 1' };
    await guard.beforeTool({ toolUseId: 't', tool: 'Workflow', input });
    const seen = guard.inspect([{ kind: 'tool', id: 't', name: 'Workflow', input }, result('launched')], true);
    expect(seen.at(-1)).toMatchObject({ kind: 'breach', name: 'Workflow' });
  });

  it('run where the session asked for them', async () => {
    const { guard } = await scene();
    expect(await guard.beforeTool({ toolUseId: 't', tool: 'Workflow', input: { script: '1' } })).toEqual({
      allowed: true,
    });
  });
});

it('a denied call of an MCP server is no breach in the words of a newer release, and one in any others', async () => {
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
