import { describe, expect, it } from 'vitest';
import { UNREADABLE, UNRECORDED } from '../../../../src/core/orchestration/guard/breach.js';
import { CallLedger } from '../../../../src/core/orchestration/guard/call-ledger.js';
import { EarlierDecisions } from '../../../../src/core/orchestration/guard/earlier-decisions.js';
import type { StoredDecision } from '../../../../src/core/orchestration/guard/stored-decision.js';
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

/** A ledger of the next process, which reads these decisions. */
function continued(...decisions: StoredDecision[]): CallLedger {
  const earlier = new EarlierDecisions();
  for (const decision of decisions) earlier.add(JSON.stringify(decision));
  const ledger = new CallLedger();
  ledger.continueAfter(earlier);
  return ledger;
}

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
    ['allowed and ran', [allowed(LIST), harmless(LIST)], 'ok', 'x', undefined],
    ['allowed and failed', [allowed(LIST), harmless(LIST)], 'error', 'Exit code 2', undefined],
    ['risky but allowed', [allowed(REMOVE), risky(REMOVE)], 'ok', '', undefined],
    ['logged before it was allowed', [harmless(LIST), allowed(LIST)], 'ok', 'x', undefined],
    ['allowed but not logged', [allowed(LIST)], 'ok', 'x', undefined],

    ['not asked about', [harmless(LIST)], 'ok', 'x', WITHOUT_ASKING],
    ['not asked about and failed', [harmless(LIST)], 'error', 'Exit code 1', WITHOUT_ASKING],
    ['neither asked about nor logged', [], 'ok', 'x', WITHOUT_ASKING],
    ['asked about under another id', [allowed({ ...LIST, toolUseId: 'other' })], 'ok', 'x', WITHOUT_ASKING],

    [
      'refused by Claude Code itself',
      [harmless(LIST)],
      'error',
      '<tool_use_error>No such tool</tool_use_error>',
      undefined,
    ],
    [
      'refused by Claude Code with line ends in the text',
      [],
      'error',
      '<tool_use_error>No\nsuch tool</tool_use_error>\n',
      undefined,
    ],
    ['successful with the text of a refusal', [], 'ok', '<tool_use_error>x</tool_use_error>', WITHOUT_ASKING],
    [
      'not asked about and printed a refusal',
      [],
      'error',
      'Exit code 1\n<tool_use_error>x</tool_use_error>',
      WITHOUT_ASKING,
    ],
    [
      'not asked about and continued after a refusal',
      [],
      'error',
      '<tool_use_error>x</tool_use_error> ran',
      WITHOUT_ASKING,
    ],

    ['finished before it was decided', [pending(LIST), harmless(LIST)], 'ok', 'x', UNDECIDED],
    ['failed before it was decided', [pending(LIST), harmless(LIST)], 'error', 'Exit code 1', UNDECIDED],
    ['asked about and later allowed', [pending(LIST), allowed(LIST)], 'ok', 'x', undefined],

    ['denied and did not run', [denied(LIST)], 'error', REASON, undefined],
    ['denied with text around the reason', [denied(LIST)], 'error', `PreToolUse:Bash hook error: ${REASON}`, undefined],
    ['denied in the words of Claude Code', [denied(LIST)], 'denied', `Hook denied it: ${REASON}`, undefined],
    ['denied but ran', [denied(LIST)], 'ok', 'x', ALTHOUGH],
    ['denied but ran and printed the reason', [denied(LIST)], 'ok', REASON, ALTHOUGH],
    ['denied but failed for another reason', [denied(LIST)], 'error', 'No such file', ALTHOUGH],
    ['denied but ran, failed and printed the reason', [denied(LIST)], 'error', `Exit code 1\n${REASON}`, ALTHOUGH],
    ['denied, then asked about again and allowed', [denied(REMOVE), allowed(LIST)], 'ok', 'x', ALTHOUGH],
    ['denied, then asked about again and pending', [denied(REMOVE), pending(LIST)], 'ok', 'x', ALTHOUGH],
    ['allowed, then asked about again and denied', [allowed(LIST), denied(REMOVE)], 'ok', 'x', ALTHOUGH],

    ['allowed with another input', [allowed(LIST), risky(REMOVE)], 'ok', 'x', ANOTHER],
    ['logged and then allowed with another input', [risky(REMOVE), allowed(LIST)], 'ok', 'x', ANOTHER],
    ['allowed as a call of another tool', [allowed(LIST), risky(call({ command: 'ls' }, 'Shell'))], 'ok', '', ANOTHER],
    [
      'harmless and allowed with another harmless input',
      [allowed(LIST), harmless(call({ command: 'pwd' }))],
      'ok',
      '',
      undefined,
    ],
    [
      'allowed with another input but refused',
      [allowed(LIST), risky(REMOVE)],
      'error',
      '<tool_use_error>x</tool_use_error>',
      undefined,
    ],
    ['logged twice, first with a risky input', [allowed(LIST), risky(REMOVE), harmless(LIST)], 'ok', 'x', ANOTHER],
    [
      'logged twice, first with the allowed input',
      [allowed(LIST), harmless(LIST), risky(REMOVE)],
      'ok',
      'x',
      undefined,
    ],
    [
      'logged under the old name of its tool',
      [allowed(call({}, 'Agent')), risky(call({}, 'Task'))],
      'ok',
      '',
      undefined,
    ],
    [
      'logged under the new name of its tool',
      [allowed(call({}, 'KillShell')), risky(call({}, 'TaskStop'))],
      'ok',
      '',
      undefined,
    ],
    [
      'allowed for Agent and logged for TaskStop',
      [allowed(call({}, 'Agent')), risky(call({}, 'TaskStop'))],
      'ok',
      '',
      ANOTHER,
    ],
    [
      'allowed with its fields in another order',
      [allowed(call({ a: 1, b: 2 })), risky(call({ b: 2, a: 1 }))],
      'ok',
      '',
      undefined,
    ],
    ['allowed with an input that is not an object', [allowed(call('x')), risky(call('x'))], 'ok', '', undefined],
    ['allowed with another input that is not an object', [allowed(call('x')), risky(call('y'))], 'ok', '', ANOTHER],
    ['allowed without an input', [allowed(call(undefined)), risky(call(undefined))], 'ok', '', undefined],
    ['allowed with null as input', [allowed(call(null)), risky(call(null))], 'ok', '', undefined],
  ];

  it.each(TABLE)('the guard judges the end of a call that was %s', (_, steps, outcome, output, breach) => {
    expect(end(steps, outcome, output).breach).toBe(breach);
  });

  it('the end of a call reports the verdict and the tool, as the log names it before the guard', () => {
    expect(end([], 'ok', '')).toEqual({ tool: undefined, verdict: undefined, breach: WITHOUT_ASKING });
    expect(end([denied(call({}, 'Asked'))], 'ok', '')).toMatchObject({ tool: 'Asked', verdict: DENIED });
    expect(end([allowed(call({}, 'Asked')), harmless(call({}, 'Logged'))], 'ok', '').tool).toBe('Logged');
  });
});

describe('a denial that is not on record', () => {
  it.each([UNRECORDED, UNREADABLE])(
    'an unrecorded denial is recognized by its text in another process: %s',
    (words) => {
      expect(end([harmless(LIST)], 'error', words).breach).toBeUndefined();
      expect(end([risky(REMOVE)], 'denied', `${words}\n`).breach).toBeUndefined();
    },
  );

  it.each([UNRECORDED, UNREADABLE])(
    'the text of an unrecorded denial does not count if a tool may have printed the text: %s',
    (words) => {
      expect(end([harmless(LIST)], 'ok', words).breach).toBe(WITHOUT_ASKING);
      expect(end([harmless(LIST)], 'error', `Exit code 1\n${words}`).breach).toBe(WITHOUT_ASKING);
      expect(end([harmless(LIST)], 'error', `${words}\n<error>Command was aborted</error>`).breach).toBe(
        WITHOUT_ASKING,
      );
      expect(end([harmless(call({}, 'mcp__x__y'))], 'error', words).breach).toBe(WITHOUT_ASKING);
      expect(end([], 'error', words).breach).toBe(WITHOUT_ASKING);
    },
  );

  it('an unrecorded denial replaces the earlier decision', () => {
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

describe("an input of Claude Code's own tools", () => {
  it.each<[string, unknown, unknown]>([
    ['a default is filled in', { command: 'ls', timeout: 5 }, { command: 'ls' }],
    ['an unknown field is left out', { command: 'ls' }, { command: 'ls', invented: 1 }],
    ['a number is converted', { command: 'ls', timeout: 5 }, { command: 'ls', timeout: '5' }],
    ['a boolean is converted', { command: 'ls', flag: true }, { command: 'ls', flag: 'true' }],
    ['a list gets defaults', { todos: [{ text: 'a', state: 'new' }] }, { todos: [{ text: 'a' }] }],
    ['null stands for a missing field', { command: 'ls', timeout: null }, { command: 'ls' }],
  ])('an input counts as the same if %s', (_, asked, logged) => {
    expect(isSame('Bash', asked, logged)).toBe(true);
    expect(isSame('Bash', logged, asked)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['a field has another value', { command: 'ls', timeout: 5 }, { command: 'ls', timeout: 6 }],
    ['a text differs in its case', { command: 'ls' }, { command: 'LS' }],
    ['one scalar among several differs', { a: 1, b: 2, c: 3 }, { a: 1, b: 2, c: 4 }],
  ])('an input counts as another if %s', (_, asked, logged) => {
    expect(isSame('Bash', asked, logged)).toBe(false);
    expect(isSame('Bash', logged, asked)).toBe(false);
  });

  it.each(['command', 'url', 'content', 'new_string', 'prompt', 'query', 'pattern'])(
    'an input counts as another if only one side has the field %s',
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
  ])('an MCP input counts as the same with %s', (_, asked, logged) => {
    expect(isSame(MCP, asked, logged)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['one more key', { a: 1 }, { a: 1, b: 2 }],
    ['a number as a string', { a: 5 }, { a: '5' }],
    ['one key fewer', { a: 1, b: 2 }, { a: 1 }],
    ['a key that is null', { a: 1 }, { a: 1, b: null }],
    ['another nested value', { a: { x: 1 } }, { a: { x: 2 } }],
    ['one more nested key', { a: { x: 1 } }, { a: { x: 1, y: 1 } }],
    ['a list in another order', { a: [1, 2] }, { a: [2, 1] }],
  ])('an MCP input counts as another with %s', (_, asked, logged) => {
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
  ])('an MCP call may end without permission only in the words of Claude Code itself: %j', (output, breach) => {
    expect(end([harmless(call({}, MCP))], 'error', output).breach).toBe(breach);
    expect(end([harmless(call({}, MCP))], 'ok', output).breach).toBe(WITHOUT_ASKING);
  });

  it.each<[string, ToolOutcome, string | undefined]>([
    [REASON, 'error', undefined],
    [`${REASON}\n`, 'denied', undefined],
    [REASON, 'ok', ALTHOUGH],
    [`PreToolUse hook error: ${REASON}`, 'error', ALTHOUGH],
    [`${REASON} It ran.`, 'error', ALTHOUGH],
  ])('a denied MCP call is no breach only if its whole result is the reason: %j, %s', (output, outcome, breach) => {
    expect(end([denied(call({}, MCP))], outcome, output).breach).toBe(breach);
  });
});

describe('a result that was too long to be read', () => {
  const HIDDEN = 'behind a line that was made to hide it';
  const SKIPPED = { kind: 'tool-result', toolUseId: ID, outcome: 'ok', output: '', skipped: true } as const;
  const { skipped: _, ...READ } = SKIPPED;

  it.each([
    ['alone', [SKIPPED], [undefined]],
    ['before another result', [SKIPPED, READ], [undefined, HIDDEN]],
    ['before a result of a call that seems refused', [SKIPPED, { ...READ, outcome: 'error' }], [undefined, HIDDEN]],
    ['after another result', [READ, SKIPPED], [undefined, HIDDEN]],
    ['twice', [SKIPPED, SKIPPED], [undefined, HIDDEN]],
    ['absent, but the same result twice', [READ, READ], [undefined, undefined]],
    ['before the result of another call', [SKIPPED, { ...READ, toolUseId: 'other' }], [undefined, undefined]],
  ] as const)('a skipped result does not hide another result of the same call: %s', (_, results, breaches) => {
    const ledger = new CallLedger();
    for (const toolUseId of [ID, 'other']) ledger.decided({ ...LIST, toolUseId }, ALLOWED);
    expect(results.map((result) => ledger.ended(result).breach)).toEqual(breaches);
  });

  it('a call with a skipped result needs permission like any other call', () => {
    const ledger = new CallLedger();
    expect(ledger.ended(SKIPPED).breach).toBe(WITHOUT_ASKING);
    ledger.decided(LIST, DENIED);
    expect(ledger.ended(SKIPPED).breach).toBe(ALTHOUGH);
  });
});

describe('a path that is absolute in the request of the hook', () => {
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
  ])('the requested path %s and the logged path %s count as the same: %s', (asked, logged, same) => {
    for (const [field, tool] of Object.entries({ file_path: 'Write', notebook_path: 'NotebookEdit', path: 'Grep' })) {
      const steps = [
        allowed(call({ [field]: asked, content: 'x' }, tool)),
        risky(call({ [field]: logged, content: 'x' }, tool)),
      ];
      expect(end(steps, 'ok', '').breach, field).toBe(same ? undefined : ANOTHER);
    }
  });

  it.each([
    ['different contents', { file_path: '/w/a', content: 'x' }, { file_path: 'a', content: 'y' }],
    ['a path only in the request', { file_path: '/w/a' }, {}],
    ['a path only in the log', {}, { file_path: 'a' }],
    ['paths that are not strings', { file_path: 7 }, { file_path: 8 }],
  ])('two calls with %s do not count as the same', (_, asked, logged) => {
    expect(end([allowed(call(asked)), risky(call(logged))], 'ok', '').breach).toBe(ANOTHER);
  });

  it('a path in a field that the tool does not read is not its path', () => {
    const steps = [
      allowed(call({ pattern: '*', file_path: '/w/a' }, 'Glob')),
      risky(call({ pattern: '*', path: '/w/a' }, 'Glob')),
    ];
    expect(end(steps, 'ok', '').breach).toBe(ANOTHER);
  });
});

describe('the ledger', () => {
  const large = (toolUseId: string): StoredDecision => ({
    toolUseId,
    tool: 'Bash',
    fields: [['x'.repeat(100_000), 'hash']],
    verdict: ALLOWED,
  });

  it('the ledger knows which calls were denied', () => {
    const ledger = new CallLedger();
    ledger.decided(LIST, ALLOWED);
    ledger.decided({ ...LIST, toolUseId: 'other' }, DENIED);
    expect([ID, 'other', 'third', undefined].map((id) => ledger.isDenied(id))).toEqual([false, true, false, false]);
  });

  it.each(['__proto__', 'constructor', ''])('the ledger accepts %j as an id like any other', (toolUseId) => {
    const ledger = new CallLedger();
    const result = { kind: 'tool-result', toolUseId, outcome: 'ok', output: '' } as const;
    expect(ledger.ended(result).breach).toBe(WITHOUT_ASKING);
    ledger.decided({ ...LIST, toolUseId }, ALLOWED);
    expect(ledger.ended(result).breach).toBeUndefined();
  });

  it('the ledger forgets the oldest call when it holds more than 10,000 calls', () => {
    const ledger = new CallLedger();
    for (let index = 0; index <= 10_000; index += 1) ledger.decided({ ...LIST, toolUseId: `${index}` }, ALLOWED);
    const breachOf = (toolUseId: string): unknown =>
      ledger.ended({ kind: 'tool-result', toolUseId, outcome: 'ok', output: '' }).breach;
    expect(['0', '1', '10000'].map(breachOf)).toEqual([WITHOUT_ASKING, undefined, undefined]);
  });

  const flood = (ledger: CallLedger, calls: number, tool = 'Read'): void => {
    for (let index = 0; index < calls; index++) ledger.logged(call({}, tool, `false-${index}`), true);
  };
  const endOf = (ledger: CallLedger): unknown =>
    ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome: 'ok', output: '' }).breach;

  it('false calls in the log do not make the ledger forget a call that has not ended, and more than 10,000 are noticed', () => {
    const ledger = new CallLedger();
    ledger.logged(REMOVE, false);
    flood(ledger, 9_999);
    ledger.decided(call({}, 'Read', 'asked'), ALLOWED);
    expect(ledger.isFlooded).toBe(false);
    ledger.logged(call({}, 'EndConversation'), true);
    expect(endOf(ledger)).toBe(WITHOUT_ASKING);
    flood(ledger, 10_001);
    expect(ledger.isFlooded).toBe(true);
  });

  it('false calls with large inputs are noticed, too', () => {
    const ledger = new CallLedger();
    const input = Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`${at}${'x'.repeat(190)}`, 1]));
    for (let index = 0; index < 1_000; index++) ledger.logged(call(input, 'Bash', `${index}`), false);
    expect(ledger.isFlooded).toBe(true);
  });

  it('a long run has as many calls as it likes, one after the other', () => {
    const ledger = new CallLedger();
    for (let index = 0; index < 10_100; index++) {
      const one = call({}, 'Read', `${index}`);
      ledger.logged(one, true);
      ledger.decided(one, ALLOWED);
      ledger.ended({ kind: 'tool-result', toolUseId: `${index}`, outcome: 'ok', output: '' });
    }
    expect(ledger.isFlooded).toBe(false);
  });

  it('a call counts as one without a hook only if its tool is on, and if it never had another name', () => {
    const conversation = call({}, 'EndConversation');
    for (const [off, names, breach] of [
      [[], [conversation], undefined],
      [['EndConversation'], [conversation], WITHOUT_ASKING],
      [[], [LIST, conversation], WITHOUT_ASKING],
      [[], [conversation, LIST], WITHOUT_ASKING],
    ] as const) {
      const ledger = new CallLedger(off);
      for (const one of names) ledger.logged(one, true);
      expect(endOf(ledger)).toBe(breach);
    }
  });

  it('the ledger forgets the oldest calls when all calls need too much memory', () => {
    const ids = Array.from({ length: 200 }, (_, index) => `${index}`);
    const ledger = continued(...ids.map(large));
    for (const id of ids) expect(ledger.isDenied(id)).toBe(false);
    const breachOf = (toolUseId: string): unknown =>
      ledger.ended({ kind: 'tool-result', toolUseId, outcome: 'ok', output: '' }).breach;
    expect(['0', '100', '199'].map(breachOf)).toEqual([WITHOUT_ASKING, undefined, undefined]);
  });

  it('the ledger counts the size of a call once, however often the call is asked about', () => {
    const ledger = continued(...Array.from({ length: 200 }, () => large('again')));
    ledger.decided(call({}, 'Bash', 'first'), ALLOWED);
    const input = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`${at}`.padEnd(200), at]));
    for (let time = 0; time < 1_000; time++) ledger.decided(call(input, 'Write', 'again'), ALLOWED);
    expect(ledger.ended({ kind: 'tool-result', toolUseId: 'first', outcome: 'ok', output: '' }).breach).toBeUndefined();
  });

  it.each<[string, object]>([
    ['more fields', Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`field ${at}`, at]))],
    ['a longer field name', { ['x'.repeat(201)]: 1 }],
    ['a longer path', { file_path: `/${'x'.repeat(4_096)}` }],
    ['more values', { list: Array.from({ length: 50_001 }, () => 0) }],
  ])('the ledger keeps one hash of an input that has %s than honest calls have', (_, input) => {
    // For an MCP tool, file_path is a field like any other.
    for (const tool of 'file_path' in input ? ['Write'] : ['Write', 'mcp__x__y']) {
      const ledger = new CallLedger();
      ledger.decided(call(input, tool), ALLOWED);
      expect(ledger.decisionOn(ID)).toMatchObject({ fields: [], whole: expect.any(String) });
      expect(JSON.stringify(ledger.decisionOn(ID)).length).toBeLessThan(200);
    }
  });

  it('inputs with many fields are compared as a whole, whatever the order of the fields is', () => {
    const many = (last: number): [string, number][] =>
      Array.from({ length: 150 }, (_, at) => [`f${at}`, at < 149 ? at : last]);
    const [given, reversed] = [Object.fromEntries(many(1)), Object.fromEntries(many(1).reverse())];
    for (const tool of ['Write', 'mcp__x__y']) {
      expect(isSame(tool, given, reversed), tool).toBe(true);
      expect(isSame(tool, given, Object.fromEntries(many(2))), tool).toBe(false);
      expect(isSame(tool, given, {}), tool).toBe(false);
    }
  });

  it('an input with more values than a model can write never counts as the same', () => {
    const input = { list: Array.from({ length: 50_001 }, () => 0) };
    expect(isSame('Write', input, input)).toBe(false);
    expect(isSame('mcp__x__y', input, input)).toBe(false);
  });

  it('inputs that are nested too deeply to be serialized cause no error', () => {
    const deep = (): unknown => JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`);
    expect(isSame('mcp__x__y', deep(), deep())).toBe(false);
    expect(isSame('Bash', deep(), deep())).toBe(true);
    const harmlessOnes = [allowed(call(deep(), 'mcp__x__y')), harmless(call(deep(), 'mcp__x__y'))];
    expect(end(harmlessOnes, 'ok', '').breach).toBeUndefined();
  });
});

describe('a decision of another process', () => {
  /** A ledger that knows only what the first ledger keeps on disk. */
  function restored(...steps: Step[]): CallLedger {
    const before = new CallLedger();
    for (const step of steps) step(before);
    const decision = before.decisionOn(ID);
    return continued(...(decision ? [decision] : []));
  }
  const ended = (ledger: CallLedger, output = 'x', outcome: ToolOutcome = 'ok') =>
    ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome, output });

  it.each<[string, ToolCall]>([
    ['a command', REMOVE],
    ['a path', call({ file_path: '/w/src/a.ts', content: 'x' }, 'Write')],
    ['an MCP call', call({ path: '/a', deep: { b: [1] } }, 'mcp__x__y')],
    [
      'a call with many fields',
      call(Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`f${at}`, at])), 'mcp__x__y'),
    ],
  ])('a restored decision is compared with the log like an own decision: %s', (_, one) => {
    const ledger = restored(allowed(one));
    ledger.logged(one, false);
    expect(ended(ledger)).toMatchObject({ verdict: ALLOWED, breach: undefined });
  });

  it('a restored decision does not allow another call', () => {
    const ledger = restored(allowed(LIST));
    ledger.logged(REMOVE, false);
    expect(ended(ledger).breach).toBe(ANOTHER);
  });

  it('a restored denial is still a denial', () => {
    expect(restored(denied(REMOVE)).isDenied(ID)).toBe(true);
    expect(ended(restored(denied(REMOVE))).breach).toBe(ALTHOUGH);
    expect(ended(restored(denied(REMOVE)), REASON, 'error').breach).toBeUndefined();
  });

  it('a call that an earlier process has decided about is known when it is over', () => {
    const ledger = restored(allowed(LIST));
    ledger.logged(LIST, true);
    expect(ended(ledger)).toMatchObject({ tool: 'Bash', verdict: ALLOWED, breach: undefined });
    expect(ledger.hasEnded(ID)).toBe(true);
    expect(ended(ledger), 'its end is reported again').toMatchObject({ tool: 'Bash', breach: undefined });
    expect(ledger.isAllowed(LIST)).toBe(true);
    expect(ledger.reported(REMOVE)).toBe(ANOTHER);
    expect(ledger.unjudged(() => false)).toBeUndefined();
    // A line that hides the true end of a call may come after a false one.
    ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome: 'ok', output: '', skipped: true });
    expect(ended(ledger).breach).toBeDefined();
  });

  it('a call that an earlier process has denied is still denied when its end is reported again', () => {
    const ledger = restored(denied(REMOVE));
    expect(ended(ledger, REASON, 'error').breach).toBeUndefined();
    expect(ended(ledger, REASON, 'error').breach).toBeUndefined();
    expect(ledger.isDenied(ID)).toBe(true);
    expect(ended(ledger).breach).toBe(ALTHOUGH);
  });

  it('a call that is pending or was not asked about has no decision to restore', () => {
    const ledger = new CallLedger();
    expect(ledger.decisionOn(ID)).toBeUndefined();
    harmless(LIST)(ledger);
    pending(LIST)(ledger);
    expect(ledger.decisionOn(ID)).toBeUndefined();
    expect(ended(restored(pending(LIST))).breach).toBe(WITHOUT_ASKING);
  });
});

describe('a call that ran while no process was there', () => {
  it('an exempt call is not a breach', () => {
    const exempt: Step = (ledger) => ledger.exempt(ID);
    expect(end([risky(REMOVE), exempt], 'ok', 'x').breach).toBeUndefined();
    expect(end([exempt], 'ok', 'x').breach).toBeUndefined();
  });

  it('an exempt call is still compared with an earlier decision', () => {
    const exempt: Step = (ledger) => ledger.exempt(ID);
    expect(end([denied(REMOVE), risky(REMOVE), exempt], 'ok', 'x').breach).toBe(ALTHOUGH);
    expect(end([allowed(LIST), risky(REMOVE), exempt], 'ok', 'x').breach).toBe(ANOTHER);
  });

  it('the exemption of a call does not exempt another call', () => {
    expect(end([(ledger) => ledger.exempt('other'), risky(REMOVE)], 'ok', 'x').breach).toBe(WITHOUT_ASKING);
  });
});

describe('a call whose end is in the log', () => {
  it('hasEnded() is true only for a call whose end is in the log', () => {
    const ledger = new CallLedger();
    ledger.decided(LIST, ALLOWED);
    ledger.logged(LIST, true);
    expect(ledger.hasEnded(ID)).toBe(false);
    ledger.ended({ kind: 'tool-result', toolUseId: ID, outcome: 'ok', output: '' });
    expect([ID, 'other'].map((id) => ledger.hasEnded(id))).toEqual([true, false]);
  });
});
