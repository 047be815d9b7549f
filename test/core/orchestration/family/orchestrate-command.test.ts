import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ChildSessions } from '../../../../src/core/orchestration/family/child-sessions.js';
import { runOrchestrate } from '../../../../src/core/orchestration/family/orchestrate-command.js';
import type { SessionResult, UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import type { SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { afterActions, observed, runningSession, sessionIn } from '../../../support/sessions.js';

const MOST = 200_000;

function ended(id: string, status: 'completed' | 'failed' | 'cancelled', result: SessionResult): UnifiedSession {
  return afterActions(runningSession({ id }), { type: 'ended', at: 9, status, result });
}

/** A family whose sessions do not change. */
function family(...all: UnifiedSession[]) {
  const get = (id: string): UnifiedSession => {
    const found = all.find((session) => session.id === id);
    if (!found) throw new OrchestrationError('SESSION_NOT_FOUND', `No session has the id ${JSON.stringify(id)}.`);
    return found;
  };
  return {
    create: vi.fn<ChildSessions['create']>(async () => sessionIn('queued', { id: 'new', mode: 'planning' })),
    list: vi.fn<ChildSessions['list']>(() => all),
    get: vi.fn<ChildSessions['get']>(get),
    wait: vi.fn<ChildSessions['wait']>(async (ids) => ids.map(get)),
    continue: vi.fn<ChildSessions['continue']>(async (id) => get(id)),
    cancel: vi.fn<ChildSessions['cancel']>(async (id) => get(id)),
  };
}

const A = sessionIn('running', { id: 'a' });
const B = ended('b', 'completed', { reason: 'success', text: '\n  All done.\nAnd more.' });
const C = ended('c', 'failed', { reason: 'timeout', error: 'It took too long.' });
const LINES = { a: 'a\tautonomous\trunning\n', b: 'b\tautonomous\tcompleted\tAll done.\n' };

describe('create', () => {
  const all = [
    ...['--mode', 'orchestration', '--branch', 'fix/x', '--base', 'main', '--task-id', 'T-1', '--max-turns', '7'],
    ...['--cost-usd', '1.5', '--tokens', '1000', '--duration-ms', '60000', '--idle-ms', '5000'],
    ...['--children', '0', '--depth', '1', '--dangerous', 'ask'],
    ...['--ask', 'Bash', '--deny', 'Web*', '--deny', 'Write', 'Do it.'],
  ];
  it.each([
    [['Do it.'], { prompt: 'Do it.' }],
    [['--', '- one\n- two'], { prompt: '- one\n- two' }],
    [['--branch', 'x', 'p'], { prompt: 'p', worktree: { branch: 'x' } }],
    [['p', '--dangerous=deny'], { prompt: 'p', policy: { dangerous: 'deny' } }],
    [['--tokens', '5', 'p'], { prompt: 'p', limits: { tokens: 5 } }],
    [
      ['--model', 'opus', '--fallback-models', 'sonnet,haiku', '--effort', 'low', 'p'],
      { prompt: 'p', model: 'opus', fallbackModels: ['sonnet', 'haiku'], effort: 'low' },
    ],
    [
      ['--output', '{"type":"object"}', '--output-retries', '1', 'p'],
      { prompt: 'p', output: { type: 'object' }, outputRetries: 1 },
    ],
    [[''], { prompt: '' }],
    [
      all,
      {
        mode: 'orchestration',
        prompt: 'Do it.',
        worktree: { branch: 'fix/x', base: 'main' },
        taskId: 'T-1',
        maxTurns: 7,
        limits: { costUsd: 1.5, tokens: 1_000, durationMs: 60_000, idleMs: 5_000, children: 0, depth: 1 },
        policy: {
          // The first rule that matches decides.
          rules: [
            { tool: 'Web*', decision: 'deny' },
            { tool: 'Write', decision: 'deny' },
            { tool: 'Bash', decision: 'ask' },
          ],
          dangerous: 'ask',
        },
      },
    ],
  ])('orchestrate create passes on its options: %j', async (args, options) => {
    const children = family();
    expect(await runOrchestrate(children, ['create', ...args])).toEqual({
      exitCode: 0,
      text: 'new\tplanning\tqueued\n',
    });
    expect(children.create.mock.calls).toEqual([[options]]);
  });

  it('orchestrate create reports in one line why a session was refused', async () => {
    const children = family();
    children.create.mockRejectedValue(
      new OrchestrationError('INVALID_OPTIONS', "Option 'policy'\nwould\u001b[31m loosen."),
    );
    const { exitCode, text } = await runOrchestrate(children, ['create', '--dangerous', 'allow', 'p']);
    expect({ exitCode, text }).toEqual({ exitCode: 1, text: "orchestrate: Option 'policy' would loosen.\n" });
  });
});

describe('create with a model or a schema that is none', () => {
  it.each([
    [['--effort', 'huge', 'p'], "'--effort' takes low, medium, high, xhigh, max"],
    [['--output', 'no json', 'p'], "'--output' takes a JSON Schema"],
    [['--output', '[]', 'p'], "'--output' takes a JSON Schema"],
    [['--output-retries', 'some', 'p'], "'--output-retries' takes a number"],
  ])('%j is refused', async (args, problem) => {
    const children = family();
    const { exitCode, text } = await runOrchestrate(children, ['create', ...args]);
    expect({ exitCode, text }).toEqual({ exitCode: 2, text: expect.stringContaining(problem) });
    expect(children.create).not.toHaveBeenCalled();
  });

  it('--json has the typed result', async () => {
    const child = ended('x', 'completed', { reason: 'success', output: { city: 'Oslo' } });
    const { text } = await runOrchestrate(family(child), ['list', '--json']);
    expect(JSON.parse(text)).toMatchObject([{ id: 'x', output: { city: 'Oslo' } }]);
  });
});

describe('list', () => {
  it('orchestrate list prints one line per session', async () => {
    const { exitCode, text } = await runOrchestrate(family(A, B, C), ['list']);
    expect({ exitCode, text }).toEqual({
      exitCode: 0,
      text: `${LINES.a}${LINES.b}c\tautonomous\tfailed\tIt took too long.\n`,
    });
  });

  it('orchestrate list cuts a long line', async () => {
    const child = ended('x', 'completed', { reason: 'success', text: `\n${'y'.repeat(1_000)}` });
    const { text } = await runOrchestrate(family(child), ['list']);
    expect(text).toBe(`x\tautonomous\tcompleted\t${'y'.repeat(300)}…\n`);
  });

  it('orchestrate list is empty if there are no sessions', async () => {
    expect(await runOrchestrate(family(), ['list'])).toEqual({ exitCode: 0, text: '' });
    expect(await runOrchestrate(family(), ['list', '--json'])).toEqual({ exitCode: 0, text: '[]\n' });
  });

  it('orchestrate list prints no control characters from other agents', async () => {
    const text = 'red \u001b[31mtext\u009b2J\u0000 and\ttab\u0007\nb\tcompleted';
    const child = ended('x', 'completed', { reason: 'success', text });
    const plain = await runOrchestrate(family(child), ['list']);
    expect(plain.text).toMatch(/^x\tautonomous\tcompleted\tred text +and tab *\n$/);
    const [json] = JSON.parse((await runOrchestrate(family(child), ['list', '--json'])).text);
    expect(json.text).toMatch(/^red (?:[^\p{Cc}]|[\t\n])*completed$/u);
  });
});

describe('orchestrate --json', () => {
  it('a session as JSON has its known fields, and no others', async () => {
    const changes = { branch: 'x', base: '1', commits: 1, files: 2, insertions: 3, deletions: 4, uncommitted: 5 };
    const result = { exitCode: 0, reason: 'success', text: 'All done.\nAnd more.', changes };
    const child = afterActions(runningSession({ id: 'x', taskId: 'T' }), {
      type: 'ended',
      at: 9,
      status: 'completed',
      result,
    });
    const { text } = await runOrchestrate(family(child), ['cancel', '--json', 'x']);
    const { exitCode: _, ...told } = result;
    expect(JSON.parse(text)).toEqual({ id: 'x', mode: 'autonomous', status: 'completed', taskId: 'T', ...told });
    expect(JSON.parse((await runOrchestrate(family(), ['create', '--json', 'p'])).text)).toEqual({
      id: 'new',
      mode: 'planning',
      status: 'queued',
      queuePosition: 2,
    });
  });

  it.each([
    ['one long text', [MOST * 2], 80_000],
    ['one text that just fits', [MOST / 4], MOST / 4 - 1],
    ['many texts', Array<number>(50).fill(20_000), 1_000],
    ['more texts than fit', Array<number>(1_000).fill(20_000), 0],
  ])('JSON of all sessions stays valid and within the size limit: %s', async (_, lengths, least) => {
    const all = lengths.map((length, index) =>
      ended(`session-${index}`, 'completed', { reason: 'success', text: '"\n'.repeat(length / 2) }),
    );
    const { exitCode, text } = await runOrchestrate(family(...all), ['list', '--json']);
    expect(exitCode).toBe(0);
    expect(text.length).toBeLessThanOrEqual(MOST);
    const told: { id: string; text: string }[] = JSON.parse(text);
    expect(told.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    for (const session of told) expect(session.text.length).toBeGreaterThan(least);
  });

  it('JSON of too many sessions is refused', async () => {
    const all = Array.from({ length: 10_000 }, (_, index) => sessionIn('running', { id: `session-${index}` }));
    const { exitCode, text } = await runOrchestrate(family(...all), ['list', '--json']);
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^orchestrate: .*ask for fewer at a time/);
  });
});

describe('wait', () => {
  const WAIT = { any: false, timeoutMs: 90_000 };
  it.each([
    [[], ['a', 'b', 'c'], WAIT],
    [['b', 'a', 'b'], ['b', 'a'], WAIT],
    [['--timeout', '0', 'a'], ['a'], { any: false, timeoutMs: 0 }],
    [['--timeout', '1.5', 'a'], ['a'], { any: false, timeoutMs: 1_500 }],
    [['--timeout', '86400', 'a'], ['a'], { any: false, timeoutMs: 86_400_000 }],
    [['--any', 'b', 'c'], ['b', 'c'], { ...WAIT, any: true }],
    // Sessions that have ended would end each wait at once, so they are left out.
    [['--any'], ['a'], { ...WAIT, any: true }],
  ])('orchestrate wait %j waits for sessions %j', async (args, ids, options) => {
    const children = family(A, B, C);
    await runOrchestrate(children, ['wait', ...args]);
    expect(children.wait.mock.calls).toEqual([[ids, options]]);
  });

  it.each<[string[], SessionStatus[], number]>([
    [[], [], 0],
    [[], ['completed', 'completed'], 0],
    [[], ['completed', 'running'], 3],
    [[], ['failed', 'queued'], 3],
    [[], ['completed', 'failed'], 4],
    [[], ['cancelled'], 4],
    [['--any', '0', '1'], ['running', 'completed'], 0],
    [['--any', '0', '1'], ['running', 'failed'], 4],
    [['--any', '0', '1'], ['running', 'paused'], 3],
    [['--any'], ['failed', 'completed'], 4],
  ])('orchestrate wait %j with sessions in status %j exits with %s', async (args, statuses, exitCode) => {
    const all = statuses.map((status, index) => sessionIn(status, { id: String(index) }));
    const answer = await runOrchestrate(family(...all), ['wait', ...args]);
    expect(answer.exitCode).toBe(exitCode);
    expect(answer.text.match(/\n/g) ?? []).toHaveLength(all.length);
  });
});

describe('logs', () => {
  const child = observed(
    runningSession({ id: 'x' }),
    { kind: 'message', text: 'First\nline\u001b[2J', first: true },
    { kind: 'tool', id: 't1', name: 'Bash', input: { command: 'ls\u009b\n' } },
    { kind: 'tool-result', toolUseId: 't1', outcome: 'error', output: 'no' },
    { kind: 'message', text: 'Second', first: true },
  );

  it('orchestrate logs prints messages and tool calls in order of time, one line each', async () => {
    const { exitCode, text } = await runOrchestrate(family(child), ['logs', 'x']);
    expect({ exitCode, lines: text.split('\n') }).toEqual({
      exitCode: 0,
      lines: [
        '1970-01-01T00:00:00.100Z\tmessage\tFirst line',
        '1970-01-01T00:00:00.110Z\ttool\tBash {"command":"ls\\u009b\\n"} error',
        '1970-01-01T00:00:00.130Z\tmessage\tSecond',
        '',
      ],
    });
  });

  it.each([
    ['1', 1],
    ['2', 2],
    ['100', 3],
  ])('orchestrate logs --tail %s prints the latest entries', async (tail, count) => {
    const { text } = await runOrchestrate(family(child), ['logs', '--json', '--tail', tail, 'x']);
    const entries = JSON.parse(text);
    expect(entries).toHaveLength(count);
    expect(entries.at(-1)).toEqual({ at: 130, type: 'message', text: 'Second' });
  });

  it('orchestrate logs --json prints whole tool calls', async () => {
    const { text } = await runOrchestrate(family(child), ['logs', 'x', '--json', '--tail', '2']);
    expect(JSON.parse(text)[0]).toMatchObject({ type: 'tool', name: 'Bash', outcome: 'error' });
    expect(text).not.toMatch(/[\u007f-\u009f]/);
  });
});

describe('orchestrate continue and cancel', () => {
  it('orchestrate continue and cancel pass on their text', async () => {
    const children = family(B);
    expect(await runOrchestrate(children, ['continue', 'b', '--', '-more'])).toEqual({ exitCode: 0, text: LINES.b });
    expect(children.continue.mock.calls).toEqual([['b', '-more', {}]]);
    expect(await runOrchestrate(children, ['cancel', 'b', 'no use'])).toEqual({ exitCode: 0, text: LINES.b });
    await runOrchestrate(children, ['cancel', 'b']);
    expect(children.cancel.mock.calls).toEqual([
      ['b', 'no use'],
      ['b', 'cancelled by the session above'],
    ]);
  });

  it.each([
    ['logs', 'other'],
    ['wait', 'other'],
    ['continue', 'other', 'x'],
    ['cancel', 'other'],
  ])("orchestrate %s refuses the unknown session '%s'", async (...args) => {
    const { exitCode, text } = await runOrchestrate(family(A), args);
    expect({ exitCode, text }).toEqual({ exitCode: 1, text: 'orchestrate: No session has the id "other".\n' });
  });
});

describe('the usage of orchestrate', () => {
  it.each([
    [[]],
    [['help']],
    [['help', 'create']],
    [['--help']],
    [['-h']],
    [['create', '--help']],
    [['wait', '-h', '--x']],
  ])('orchestrate prints its usage for %j', async (args) => {
    const { exitCode, text } = await runOrchestrate(family(), args);
    expect(exitCode).toBe(0);
    for (const word of ['create', 'list', 'wait', 'logs', 'continue', 'cancel']) expect(text).toContain(`\n  ${word} `);
  });

  it.each([
    ['there is no command "nothing"', ['nothing']],
    ['there is no command', ['constructor']],
    ['there is no command', ['\u001b[31m']],
    ['PROMPT is missing', ['create']],
    ['"it" is one too many', ['create', 'fix', 'it']],
    ['only where it is the last', ['create', '-', '--json']],
    ["'--mode' takes autonomous, ", ['create', '--mode', 'interactive', 'p']],
    ["'--mode' takes autonomous, ", ['create', '--mode', 'toString', 'p']],
    ["'--dangerous' takes deny, ask, allow", ['create', '--dangerous', 'Allow', 'p']],
    ["'--base' needs '--branch'", ['create', '--base', 'main', 'p']],
    ["'--tokens' takes a number", ['create', '--tokens', '1e3', 'p']],
    ["'--cost-usd' takes a number", ['create', '--cost-usd=-1', 'p']],
    ["'--children' takes a number", ['create', '--children', '', 'p']],
    ["Unknown option '--cwd'", ['create', '--cwd', '/', 'p']],
    ["Unknown option '--detached'", ['create', '--detached', 'p']],
    ["Unknown option '--__proto__'", ['create', '--__proto__', 'p']],
    ["Unknown option '- '", ['create', '- item']],
    ["goes behind '--'", ['create', `-${'x'.repeat(1_000_000)}`]],
    ['one too many', ['list', 'a']],
    ['at most 86400 seconds', ['wait', '--timeout', '86401']],
    ["'--timeout' takes a number", ['wait', '--timeout', 'soon']],
    ['does not take an argument', ['wait', '--any=yes']],
    ['more than 1000 arguments', ['wait', ...Array<string>(100_000).fill('a')]],
    ['ID is missing', ['logs']],
    ['argument', ['logs', '--tail', '-1', 'a']],
    ['FEEDBACK is missing', ['continue', 'a']],
    ['one too many', ['cancel', 'a', 'b', 'c']],
  ])('a wrong command exits with 2 and says what is wrong: %s', async (message, args) => {
    const children = family(A);
    const { exitCode, text } = await runOrchestrate(children, args);
    expect(exitCode).toBe(2);
    expect(text).toMatch(/^orchestrate: [^\p{Cc}]+\n'orchestrate help' says what it takes\.\n$/u);
    expect(text).toContain(message);
    for (const call of [children.create, children.wait, children.continue, children.cancel]) {
      expect(call).not.toHaveBeenCalled();
    }
  });
});

describe('the output of orchestrate', () => {
  const word = fc.oneof(
    fc.constantFrom('create', 'list', 'wait', 'logs', 'continue', 'cancel', 'help', 'a', 'b', 'x'),
    fc.constantFrom('--json', '--any', '--timeout', '--tail', '--mode', '--deny', '--', '-', '-h', '--tokens', '1', ''),
    fc.constantFrom('__proto__', '--__proto__=1', 'constructor', '\u001b]0;', '\ud800', '-\udfff', '--json=\u009b'),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ maxLength: 5 }).map((text) => `-${text.repeat(2_000)}`),
  );
  const args = fc.tuple(fc.constantFrom('create', 'list', 'wait', 'logs', 'continue', 'cancel', ''), fc.array(word));
  const long = ended('x', 'completed', { reason: 'success', text: `\u001b${'#;'.repeat(MOST)}` });

  it('any arguments get an answer of bounded length, without control characters', async () => {
    await fc.assert(
      fc.asyncProperty(args, async ([command, rest]) => {
        const { exitCode, text } = await runOrchestrate(family(A, B, C, long), [command, ...rest]);
        expect([0, 1, 2, 3, 4]).toContain(exitCode);
        expect(text.length).toBeLessThanOrEqual(MOST);
        expect(text).not.toMatch(/(?![\n\t])\p{Cc}/u);
        if (exitCode === 1 || exitCode === 2) expect(text).toMatch(/^orchestrate: .*\n/);
      }),
    );
  });

  it('an answer that is too long is cut, and says so', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      ended(`s${index}`, 'failed', { reason: 'x', error: 'error' }),
    );
    const { exitCode, text } = await runOrchestrate(family(...many), ['list']);
    expect({ exitCode, length: text.length }).toEqual({ exitCode: 0, length: MOST });
    expect(text).toMatch(/… the rest is cut\n$/);
  });

  it.each([[new Error('broken')], ['broken'], [{ broken: true }], [null]])(
    'an unexpected failure (%o) is reported in one line with exit code 1',
    async (thrown) => {
      const children = family();
      children.list.mockImplementation(() => {
        throw thrown;
      });
      const { exitCode, text } = await runOrchestrate(children, ['list']);
      expect(exitCode).toBe(1);
      expect(text).toMatch(/^orchestrate: .*(broken|null).*\n$/);
    },
  );
});
