import { describe, expect, it } from 'vitest';
import { UNREADABLE, UNRECORDED } from '../../../../src/core/orchestration/guard/breach.js';
import { CallLedger, type StoredDecision } from '../../../../src/core/orchestration/guard/call-ledger.js';
import type { ToolOutcome } from '../../../../src/core/orchestration/session/metadata.js';
import type { ToolCall } from '../../../../src/core/orchestration/session/policy.js';

const ID = 'toolu-1';
const REASON = 'Denied by policy: not here.';
const ALLOWED = { allowed: true } as const;
const DENIED = { allowed: false, reason: REASON } as const;
const call = (input: unknown, tool = 'Bash', toolUseId = ID): ToolCall => ({ toolUseId, tool, input });
const LIST = call({ command: 'ls' });
const REMOVE = call({ command: 'rm -rf /' });
const WITHOUT_ASKING = 'without asking';
const UNDECIDED = 'before anybody had decided';
const ALTHOUGH = 'although it was denied';
const ANOTHER = 'as another call than the one that was allowed';

/** What happened to a call, in order. */
type Step = (ledger: CallLedger) => void;
const allowed =
  (one: ToolCall): Step =>
  (ledger) =>
    ledger.decided(one, ALLOWED);
const denied =
  (one: ToolCall): Step =>
  (ledger) =>
    ledger.decided(one, DENIED);
const pending =
  (one: ToolCall): Step =>
  (ledger) =>
    ledger.decided(one, undefined);
const harmless =
  (one: ToolCall): Step =>
  (ledger) =>
    ledger.logged(one, true);
const risky =
  (one: ToolCall): Step =>
  (ledger) =>
    ledger.logged(one, false);

function end(steps: Step[], outcome: ToolOutcome, output: string) {
  const ledger = new CallLedger();
  for (const step of steps) step(ledger);
  return ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome, output });
}

describe('the end of a call', () => {
  const TABLE: [string, Step[], ToolOutcome, string, string | undefined][] = [
    ['allowed, and ran', [allowed(LIST), harmless(LIST)], 'ok', 'x', undefined],
    ['allowed, and failed', [allowed(LIST), harmless(LIST)], 'error', 'Exit code 2', undefined],
    ['allowed by a person, though it is risky', [allowed(REMOVE), risky(REMOVE)], 'ok', '', undefined],
    ['allowed, and the log told of it later', [harmless(LIST), allowed(LIST)], 'ok', 'x', undefined],
    ['allowed, and the log did not tell of it', [allowed(LIST)], 'ok', 'x', undefined],

    ['not asked about', [harmless(LIST)], 'ok', 'x', WITHOUT_ASKING],
    ['not asked about, and failed', [harmless(LIST)], 'error', 'Exit code 1', WITHOUT_ASKING],
    ['known to nobody', [], 'ok', 'x', WITHOUT_ASKING],
    ['asked about under another id', [allowed({ ...LIST, toolUseId: 'other' })], 'ok', 'x', WITHOUT_ASKING],

    ['refused by Claude itself', [harmless(LIST)], 'error', '<tool_use_error>No such tool</tool_use_error>', undefined],
    ['refused, with a line end', [], 'error', '<tool_use_error>No\nsuch tool</tool_use_error>\n', undefined],
    ['one that only looks refused: it went well', [], 'ok', '<tool_use_error>x</tool_use_error>', WITHOUT_ASKING],
    ['one that printed a refusal', [], 'error', 'Exit code 1\n<tool_use_error>x</tool_use_error>', WITHOUT_ASKING],
    ['one that goes on after a refusal', [], 'error', '<tool_use_error>x</tool_use_error> ran', WITHOUT_ASKING],

    ['ended while nobody had decided', [pending(LIST), harmless(LIST)], 'ok', 'x', UNDECIDED],
    ['failed while nobody had decided', [pending(LIST), harmless(LIST)], 'error', 'Exit code 1', UNDECIDED],
    ['asked about, then allowed', [pending(LIST), allowed(LIST)], 'ok', 'x', undefined],

    ['denied, and kept from running', [denied(LIST)], 'error', REASON, undefined],
    ['denied, with words around it', [denied(LIST)], 'error', `PreToolUse:Bash hook error: ${REASON}`, undefined],
    ["denied, in Claude's own words", [denied(LIST)], 'denied', `Hook denied it: ${REASON}`, undefined],
    ['denied, and ran', [denied(LIST)], 'ok', 'x', ALTHOUGH],
    ['denied, ran and printed the reason', [denied(LIST)], 'ok', REASON, ALTHOUGH],
    ['denied, and failed for another reason', [denied(LIST)], 'error', 'No such file', ALTHOUGH],
    ['denied, ran, failed and printed the reason', [denied(LIST)], 'error', `Exit code 1\n${REASON}`, ALTHOUGH],
    ['denied, then asked again and allowed', [denied(REMOVE), allowed(LIST)], 'ok', 'x', ALTHOUGH],
    ['denied, then asked again and pending', [denied(REMOVE), pending(LIST)], 'ok', 'x', ALTHOUGH],
    ['allowed, then asked again and denied', [allowed(LIST), denied(REMOVE)], 'ok', 'x', ALTHOUGH],

    ['allowed as another', [allowed(LIST), risky(REMOVE)], 'ok', 'x', ANOTHER],
    ['allowed as another, told of before', [risky(REMOVE), allowed(LIST)], 'ok', 'x', ANOTHER],
    ['allowed as one of another tool', [allowed(LIST), risky(call({ command: 'ls' }, 'Shell'))], 'ok', '', ANOTHER],
    [
      'allowed as another that is harmless, too',
      [allowed(LIST), harmless(call({ command: 'pwd' }))],
      'ok',
      '',
      undefined,
    ],
    [
      'allowed as another, but refused',
      [allowed(LIST), risky(REMOVE)],
      'error',
      '<tool_use_error>x</tool_use_error>',
      undefined,
    ],
    ['told of twice: the first line counts', [allowed(LIST), risky(REMOVE), harmless(LIST)], 'ok', 'x', ANOTHER],
    ['told of twice, the other way round', [allowed(LIST), harmless(LIST), risky(REMOVE)], 'ok', 'x', undefined],
    ['told of under the old name', [allowed(call({}, 'Agent')), risky(call({}, 'Task'))], 'ok', '', undefined],
    ['told of under the new name', [allowed(call({}, 'KillShell')), risky(call({}, 'TaskStop'))], 'ok', '', undefined],
    ['of two tools that stop things', [allowed(call({}, 'Agent')), risky(call({}, 'TaskStop'))], 'ok', '', ANOTHER],
    [
      'allowed, its fields in another order',
      [allowed(call({ a: 1, b: 2 })), risky(call({ b: 2, a: 1 }))],
      'ok',
      '',
      undefined,
    ],
    ['an input that is no object', [allowed(call('x')), risky(call('x'))], 'ok', '', undefined],
    ['another input that is no object', [allowed(call('x')), risky(call('y'))], 'ok', '', ANOTHER],
    ['no input at all', [allowed(call(undefined)), risky(call(undefined))], 'ok', '', undefined],
    ['null', [allowed(call(null)), risky(call(null))], 'ok', '', undefined],
  ];

  it.each(TABLE)('%s', (_, steps, outcome, output, breach) => {
    expect(end(steps, outcome, output).breach).toBe(breach);
  });

  it('tells which tool it was and what was decided, the log before the guard', () => {
    expect(end([], 'ok', '')).toEqual({ tool: undefined, verdict: undefined, breach: WITHOUT_ASKING });
    expect(end([denied(call({}, 'Asked'))], 'ok', '')).toMatchObject({ tool: 'Asked', verdict: DENIED });
    expect(end([allowed(call({}, 'Asked')), harmless(call({}, 'Logged'))], 'ok', '').tool).toBe('Logged');
  });
});

describe('a denial that is on no record', () => {
  it.each([UNRECORDED, UNREADABLE])('is known by its words to a host that takes over: %s', (words) => {
    expect(end([harmless(LIST)], 'error', words).breach).toBeUndefined();
    expect(end([risky(REMOVE)], 'denied', `${words}\n`).breach).toBeUndefined();
  });

  it.each([UNRECORDED, UNREADABLE])('is none where a tool may have said so itself: %s', (words) => {
    expect(end([harmless(LIST)], 'ok', words).breach).toBe(WITHOUT_ASKING);
    expect(end([harmless(LIST)], 'error', `Exit code 1\n${words}`).breach).toBe(WITHOUT_ASKING);
    expect(end([harmless(LIST)], 'error', `${words}\n<error>Command was aborted</error>`).breach).toBe(WITHOUT_ASKING);
    expect(end([harmless(call({}, 'mcp__x__y'))], 'error', words).breach).toBe(WITHOUT_ASKING);
    expect(end([], 'error', words).breach).toBe(WITHOUT_ASKING);
  });

  it('takes the place of what was decided', () => {
    const unrecorded: Step = (ledger) => ledger.unrecorded(ID);
    expect(end([denied(REMOVE), unrecorded], 'error', UNRECORDED)).toMatchObject({
      verdict: { allowed: false, reason: UNRECORDED },
      breach: undefined,
    });
    expect(end([allowed(LIST), unrecorded], 'ok', 'x').breach).toBe(ALTHOUGH);
  });
});

/** Whether a call that was asked about is taken for the one in the log. */
function isSame(tool: string, asked: unknown, logged: unknown): boolean {
  const { breach } = end([allowed(call(asked, tool)), risky(call(logged, tool))], 'ok', '');
  expect([undefined, ANOTHER]).toContain(breach);
  return breach === undefined;
}

describe("an input of Claude's own tools", () => {
  it.each<[string, unknown, unknown]>([
    ['a default is filled in', { command: 'ls', timeout: 5 }, { command: 'ls' }],
    ['what is unknown is left out', { command: 'ls' }, { command: 'ls', invented: 1 }],
    ['a number is converted', { command: 'ls', timeout: 5 }, { command: 'ls', timeout: '5' }],
    ['a truth is converted', { command: 'ls', flag: true }, { command: 'ls', flag: 'true' }],
    ['a list has got defaults', { todos: [{ text: 'a', state: 'new' }] }, { todos: [{ text: 'a' }] }],
    ['null stands for nothing', { command: 'ls', timeout: null }, { command: 'ls' }],
  ])('is the same where %s', (_, asked, logged) => {
    expect(isSame('Bash', asked, logged)).toBe(true);
    expect(isSame('Bash', logged, asked)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['a field has another value', { command: 'ls', timeout: 5 }, { command: 'ls', timeout: 6 }],
    ['a text differs in its case', { command: 'ls' }, { command: 'LS' }],
    ['one scalar among several differs', { a: 1, b: 2, c: 3 }, { a: 1, b: 2, c: 4 }],
  ])('is another where %s', (_, asked, logged) => {
    expect(isSame('Bash', asked, logged)).toBe(false);
    expect(isSame('Bash', logged, asked)).toBe(false);
  });

  it.each(['command', 'url', 'content', 'new_string', 'prompt', 'query', 'pattern'])(
    'is another where one has no %s',
    (field) => {
      expect(isSame('Any', { a: 1 }, { a: 1, [field]: 'x' })).toBe(false);
      expect(isSame('Any', { a: 1, [field]: 'x' }, { a: 1 })).toBe(false);
    },
  );
});

describe('an input of an MCP tool', () => {
  const MCP = 'mcp__db__run';

  it.each<[string, unknown, unknown]>([
    ['keys in another order', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['nested keys in another order', { a: { x: 1, y: [{ p: 1, q: 2 }] } }, { a: { y: [{ q: 2, p: 1 }], x: 1 } }],
  ])('is the same with %s', (_, asked, logged) => {
    expect(isSame(MCP, asked, logged)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['a key more', { a: 1 }, { a: 1, b: 2 }],
    ['a number as a text', { a: 5 }, { a: '5' }],
    ['a key less', { a: 1, b: 2 }, { a: 1 }],
    ['a key that is null', { a: 1 }, { a: 1, b: null }],
    ['another nested value', { a: { x: 1 } }, { a: { x: 2 } }],
    ['a nested key more', { a: { x: 1 } }, { a: { x: 1, y: 1 } }],
    ['a list in another order', { a: [1, 2] }, { a: [2, 1] }],
  ])('is another with %s', (_, asked, logged) => {
    expect(isSame(MCP, asked, logged)).toBe(false);
  });

  it.each([
    ['<tool_use_error>Error: No such tool available: mcp__db__run</tool_use_error>', undefined],
    ['<tool_use_error>InputValidationError: a is missing</tool_use_error>', undefined],
    ['<tool_use_error>Cancelled: parallel tool call failed</tool_use_error>\n', undefined],
    ['<tool_use_error>The table is gone</tool_use_error>', WITHOUT_ASKING],
    ['<tool_use_error>It says: InputValidationError: x</tool_use_error>', WITHOUT_ASKING],
    [' <tool_use_error>InputValidationError: x</tool_use_error>', WITHOUT_ASKING],
    ['<tool_use_error>InputValidationError: x</tool_use_error> ran', WITHOUT_ASKING],
  ])('may end without leave only in the words of Claude Code itself: %j', (output, breach) => {
    expect(end([harmless(call({}, MCP))], 'error', output).breach).toBe(breach);
    expect(end([harmless(call({}, MCP))], 'ok', output).breach).toBe(WITHOUT_ASKING);
  });

  it.each<[string, ToolOutcome, string | undefined]>([
    [REASON, 'error', undefined],
    [`${REASON}\n`, 'denied', undefined],
    [REASON, 'ok', ALTHOUGH],
    [`PreToolUse hook error: ${REASON}`, 'error', ALTHOUGH],
    [`${REASON} It ran.`, 'error', ALTHOUGH],
  ])('that was denied has the reason for its whole result: %j, %s', (output, outcome, breach) => {
    expect(end([denied(call({}, MCP))], outcome, output).breach).toBe(breach);
  });
});

describe('an end that was too long to be read', () => {
  const HIDDEN = 'behind a line that was made to hide it';
  const SKIPPED = { kind: 'tool-result', toolUseId: ID, outcome: 'ok', output: '', skipped: true } as const;
  const { skipped: _, ...READ } = SKIPPED;

  it.each([
    ['alone', [SKIPPED], [undefined]],
    ['before another', [SKIPPED, READ], [undefined, HIDDEN]],
    ['before one that seems to have been refused', [SKIPPED, { ...READ, outcome: 'error' }], [undefined, HIDDEN]],
    ['behind another', [READ, SKIPPED], [undefined, HIDDEN]],
    ['twice', [SKIPPED, SKIPPED], [undefined, HIDDEN]],
    ['not there, and the same told twice', [READ, READ], [undefined, undefined]],
    ['before that of another call', [SKIPPED, { ...READ, toolUseId: 'other' }], [undefined, undefined]],
  ] as const)('is %s', (_, results, breaches) => {
    const ledger = new CallLedger();
    for (const toolUseId of [ID, 'other']) ledger.decided({ ...LIST, toolUseId }, ALLOWED);
    expect(results.map((result) => ledger.ended(result).breach)).toEqual(breaches);
  });

  it('is one of a call that needs leave like any other', () => {
    const ledger = new CallLedger();
    expect(ledger.ended(SKIPPED).breach).toBe(WITHOUT_ASKING);
    ledger.decided(LIST, DENIED);
    expect(ledger.ended(SKIPPED).breach).toBe(ALTHOUGH);
  });
});

describe('a path, absolute in what the hook asks', () => {
  it.each([
    ['/workspace/src/a.ts', '/workspace/src/a.ts', true],
    ['/workspace/src/a.ts', 'src/a.ts', true],
    ['/workspace/src/a.ts', './src/a.ts', true],
    ['/workspace/src/a.ts', '../src/a.ts', true],
    ['/home/node/.bashrc', '~/.bashrc', true],
    ['/workspace/src/a.ts', 'a.ts', true],
    ['/workspace/src/a.ts', 'b.ts', false],
    ['/workspace/src/xa.ts', 'a.ts', false],
    ['/workspace/src/a.ts', '/etc/passwd', false],
    ['/workspace/a', '/workspace/a/../b', false],
    ['/workspace/src/a.ts', '', false],
    ['/x/a.ts', '/workspace/../x//a.ts', true],
    ['/workspace/../workspace//a.ts', '/workspace/a.ts', true],
    ['/workspace/src/a.ts', 'src/sub/../a.ts', true],
    ['/workspace/src/a.ts', 'src//./a.ts', true],
    ['/workspace/src/../b.ts', 'src/b.ts', false],
    ['/workspace/a.ts', '/workspace/../a.ts', false],
  ])('%s for %s in the log: the same is %s', (asked, logged, same) => {
    for (const field of ['file_path', 'notebook_path', 'path']) {
      const steps = [
        allowed(call({ [field]: asked, content: 'x' }, 'Write')),
        risky(call({ [field]: logged, content: 'x' }, 'Write')),
      ];
      expect(end(steps, 'ok', '').breach, field).toBe(same ? undefined : ANOTHER);
    }
  });

  it.each([
    ['another content', { file_path: '/w/a', content: 'x' }, { file_path: 'a', content: 'y' }],
    ['a path on one side', { file_path: '/w/a' }, {}],
    ['a path on the other side', {}, { file_path: 'a' }],
    ['a path that is no text', { file_path: 7 }, { file_path: 8 }],
  ])('does not make two calls the same that have %s', (_, asked, logged) => {
    expect(end([allowed(call(asked)), risky(call(logged))], 'ok', '').breach).toBe(ANOTHER);
  });
});

describe('the ledger', () => {
  const large = (toolUseId: string): StoredDecision => ({
    toolUseId,
    tool: 'Bash',
    fields: [['x'.repeat(100_000), 'hash']],
    verdict: ALLOWED,
  });

  it('knows the denied calls', () => {
    const ledger = new CallLedger();
    ledger.decided(LIST, ALLOWED);
    ledger.decided({ ...LIST, toolUseId: 'other' }, DENIED);
    expect([ID, 'other', 'third', undefined].map((id) => ledger.isDenied(id))).toEqual([false, true, false, false]);
  });

  it.each(['__proto__', 'constructor', ''])('takes %j for an id like any other', (toolUseId) => {
    const ledger = new CallLedger();
    const result = { kind: 'tool-result', toolUseId, outcome: 'ok', output: '' } as const;
    expect(ledger.ended(result).breach).toBe(WITHOUT_ASKING);
    ledger.decided({ ...LIST, toolUseId }, ALLOWED);
    expect(ledger.ended(result).breach).toBeUndefined();
  });

  it('forgets the oldest of more calls than there ever are at once', () => {
    const ledger = new CallLedger();
    for (let index = 0; index <= 10_000; index += 1) ledger.decided({ ...LIST, toolUseId: `${index}` }, ALLOWED);
    const breachOf = (toolUseId: string): unknown =>
      ledger.ended({ kind: 'tool-result', toolUseId, outcome: 'ok', output: '' }).breach;
    expect(['0', '1', '10000'].map(breachOf)).toEqual([WITHOUT_ASKING, undefined, undefined]);
  });

  it('forgets the oldest of calls that take more room than those of any honest run', () => {
    const ledger = new CallLedger();
    for (let index = 0; index < 200; index++) ledger.restore(large(`${index}`));
    const breachOf = (toolUseId: string): unknown =>
      ledger.ended({ kind: 'tool-result', toolUseId, outcome: 'ok', output: '' }).breach;
    expect(['0', '100', '199'].map(breachOf)).toEqual([WITHOUT_ASKING, undefined, undefined]);
  });

  it('counts the room of a call once, however often it is asked about', () => {
    const ledger = new CallLedger();
    ledger.decided(call({}, 'Bash', 'first'), ALLOWED);
    for (let time = 0; time < 200; time++) ledger.restore(large('again'));
    expect(ledger.ended({ kind: 'tool-result', toolUseId: 'first', outcome: 'ok', output: '' }).breach).toBeUndefined();
  });

  it.each<[string, object]>([
    ['more fields', Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`field ${at}`, at]))],
    ['a longer name of a field', { ['x'.repeat(201)]: 1 }],
    ['a longer path', { file_path: `/${'x'.repeat(4_096)}` }],
    ['more values', { list: Array.from({ length: 50_001 }, () => 0) }],
  ])('keeps one hash of an input that has %s than those of honest calls', (_, input) => {
    // What an MCP server takes for a path is a field like any other.
    for (const tool of 'file_path' in input ? ['Write'] : ['Write', 'mcp__x__y']) {
      const ledger = new CallLedger();
      ledger.decided(call(input, tool), ALLOWED);
      expect(ledger.decisionOn(ID)).toMatchObject({ fields: [], whole: expect.any(String) });
      expect(JSON.stringify(ledger.decisionOn(ID)).length).toBeLessThan(200);
    }
  });

  it('compares inputs with many fields as a whole, in whichever order they are', () => {
    const many = (last: number): [string, number][] =>
      Array.from({ length: 150 }, (_, at) => [`f${at}`, at < 149 ? at : last]);
    const [given, reversed] = [Object.fromEntries(many(1)), Object.fromEntries(many(1).reverse())];
    for (const tool of ['Write', 'mcp__x__y']) {
      expect(isSame(tool, given, reversed), tool).toBe(true);
      expect(isSame(tool, given, Object.fromEntries(many(2))), tool).toBe(false);
      expect(isSame(tool, given, {}), tool).toBe(false);
    }
  });

  it('takes an input with more values than a model can write for the same as nothing else', () => {
    const input = { list: Array.from({ length: 50_001 }, () => 0) };
    expect(isSame('Write', input, input)).toBe(false);
    expect(isSame('mcp__x__y', input, input)).toBe(false);
  });

  it('bears inputs that are nested deeper than they can be written, and takes none for another', () => {
    const deep = (): unknown => JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`);
    expect(isSame('mcp__x__y', deep(), deep())).toBe(false);
    expect(isSame('Bash', deep(), deep())).toBe(true);
    const harmlessOnes = [allowed(call(deep(), 'mcp__x__y')), harmless(call(deep(), 'mcp__x__y'))];
    expect(end(harmlessOnes, 'ok', '').breach).toBeUndefined();
  });
});

describe('what another host has decided', () => {
  /** A ledger that knows of the first what is kept on disk. */
  function restored(...steps: Step[]): CallLedger {
    const before = new CallLedger();
    for (const step of steps) step(before);
    const after = new CallLedger();
    const decision = before.decisionOn(ID);
    if (decision) after.restore(JSON.parse(JSON.stringify(decision)));
    return after;
  }
  const ended = (ledger: CallLedger, output = 'x', outcome: ToolOutcome = 'ok') =>
    ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome, output });

  it.each<[string, ToolCall]>([
    ['a command', REMOVE],
    ['a path', call({ file_path: '/w/src/a.ts', content: 'x' }, 'Write')],
    ["an MCP server's", call({ path: '/a', deep: { b: [1] } }, 'mcp__x__y')],
    [
      'one of many fields',
      call(Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`f${at}`, at])), 'mcp__x__y'),
    ],
  ])('is held against the log as if it were its own: %s', (_, one) => {
    const ledger = restored(allowed(one));
    ledger.logged(one, false);
    expect(ended(ledger)).toMatchObject({ verdict: ALLOWED, breach: undefined });
  });

  it('does not let another call run as the one that was allowed', () => {
    const ledger = restored(allowed(LIST));
    ledger.logged(REMOVE, false);
    expect(ended(ledger).breach).toBe(ANOTHER);
  });

  it('is a denial still', () => {
    expect(restored(denied(REMOVE)).isDenied(ID)).toBe(true);
    expect(ended(restored(denied(REMOVE))).breach).toBe(ALTHOUGH);
    expect(ended(restored(denied(REMOVE)), REASON, 'error').breach).toBeUndefined();
  });

  it('is nothing where nobody had decided yet, or was not asked', () => {
    const ledger = new CallLedger();
    expect(ledger.decisionOn(ID)).toBeUndefined();
    harmless(LIST)(ledger);
    pending(LIST)(ledger);
    expect(ledger.decisionOn(ID)).toBeUndefined();
    expect(ended(restored(pending(LIST))).breach).toBe(WITHOUT_ASKING);
  });
});

describe('a call while no host was there to ask', () => {
  it('is no breach where that is allowed', () => {
    const exempt: Step = (ledger) => ledger.exempt(ID);
    expect(end([risky(REMOVE), exempt], 'ok', 'x').breach).toBeUndefined();
    expect(end([exempt], 'ok', 'x').breach).toBeUndefined();
  });

  it('is held against what was decided about it all the same', () => {
    const exempt: Step = (ledger) => ledger.exempt(ID);
    expect(end([denied(REMOVE), risky(REMOVE), exempt], 'ok', 'x').breach).toBe(ALTHOUGH);
    expect(end([allowed(LIST), risky(REMOVE), exempt], 'ok', 'x').breach).toBe(ANOTHER);
  });

  it('does not exempt any other', () => {
    expect(end([(ledger) => ledger.exempt('other'), risky(REMOVE)], 'ok', 'x').breach).toBe(WITHOUT_ASKING);
  });
});

describe('a call whose end the log has told of', () => {
  it('has ended; any other has not', () => {
    const ledger = new CallLedger();
    ledger.decided(LIST, ALLOWED);
    ledger.logged(LIST, true);
    expect(ledger.hasEnded(ID)).toBe(false);
    ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome: 'ok', output: '' });
    expect([ID, 'other'].map((id) => ledger.hasEnded(id))).toEqual([true, false]);
  });
});
