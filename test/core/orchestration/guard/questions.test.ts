import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DecisionLog } from '../../../../src/core/orchestration/guard/decision-log.js';
import { RunGuard, type RunGuardOptions } from '../../../../src/core/orchestration/guard/run-guard.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { resolvePolicy, type ToolPolicy } from '../../../../src/core/orchestration/session/policy.js';
import type { PendingQuestion } from '../../../../src/core/orchestration/session/question.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { tempFolder } from '../../../support/temp-folder.js';

const MINUTE = 60_000;
const DATABASE = {
  header: 'Database',
  question: 'Which database?',
  multiSelect: false,
  options: [{ label: 'SQLite', description: 'one file', preview: '[x]' }, { label: 'Postgres' }],
};
const PARTS = { question: 'Which parts?', multiSelect: true, options: [{ label: 'Core' }, { label: 'Page' }] };
const call = (questions: unknown, toolUseId = 'q') => ({ toolUseId, tool: 'AskUserQuestion', input: { questions } });

async function scene(
  questions: RunGuardOptions['questions'] = 'ask',
  policy: ToolPolicy = {},
  file = join(tempFolder(), 'decisions.jsonl'),
) {
  const record = new FakeRecord({ run: { number: 1 } });
  const decisions = new DecisionLog(file);
  onTestFinished(() => decisions.close());
  const guard = new RunGuard({
    policy: resolvePolicy({ approvalTimeoutMs: MINUTE, ...policy }),
    place: { workspace: '/workspace', container: true, mounts: [], ignored: () => false },
    record,
    decisions,
    questions,
  });
  await guard.ready();
  await guard.restore();
  const { actions } = record;
  const asked = (): PendingQuestion[] =>
    actions.flatMap((action) => (action.type === 'question-asked' ? [action.question] : []));
  const answered = (): unknown[] =>
    actions.flatMap((action) => (action.type === 'question-answered' ? [[action.by, action.answers]] : []));
  const answer = (...answers: (string | string[])[]): void =>
    guard.questions.answer(asked().at(-1)?.questionId ?? '', answers);
  return { guard, actions, asked, answered, answer, file };
}

beforeEach(() => fakeClock(5_000));

describe('a question of the agent', () => {
  it('a person gets the questions with their options, frozen, and a deadline', async () => {
    const { guard, actions, asked } = await scene();
    void guard.beforeTool(call([DATABASE, PARTS]));
    expect(actions.map(({ type }) => type)).toEqual(['question-asked']);
    expect(asked()).toEqual([
      {
        questionId: expect.stringMatching(/^[0-9a-f]{32}$/),
        toolUseId: 'q',
        questions: [
          {
            header: 'Database',
            text: 'Which database?',
            options: [{ label: 'SQLite', description: 'one file', preview: '[x]' }, { label: 'Postgres' }],
            multiSelect: false,
          },
          { text: 'Which parts?', options: [{ label: 'Core' }, { label: 'Page' }], multiSelect: true },
        ],
        askedAt: 5_000,
        deadline: 65_000,
      },
    ]);
    expect(unfrozenParts(asked()[0])).toEqual([]);
    expect(guard.requests.waiting).toBe(true);
  });

  it('the agent gets the answers as the result of its call, and the call does not run', async () => {
    const { guard, actions, answered, answer } = await scene();
    const verdict = guard.beforeTool(call([DATABASE, PARTS]));
    answer('MariaDB, as ever', ['Core', 'Page']);
    expect(await verdict).toEqual({
      allowed: false,
      answered: true,
      reason:
        'This is not an error: the user was asked, and has answered.\n"Which database?" = "MariaDB, as ever"\n' +
        '"Which parts?" = "Core", "Page"\nGo on with that.',
    });
    expect(answered()).toEqual([['person', ['MariaDB, as ever', ['Core', 'Page']]]]);
    expect(actions.some(({ type }) => type === 'denied')).toBe(false);
    expect(guard.requests.waiting).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('if nobody answers in time, the agent is told to decide for itself, and nothing counts as denied', async () => {
    const { guard, actions, answered } = await scene();
    const verdict = guard.beforeTool(call([DATABASE]));
    vi.advanceTimersByTime(MINUTE);
    expect(await verdict).toMatchObject({
      answered: true,
      reason: expect.stringMatching(/nothing was forbidden\. Nobody answered within 60 s\. .*decide for yourself/),
    });
    expect(answered()).toEqual([['timeout', undefined]]);
    expect(actions.some(({ type }) => type === 'denied')).toBe(false);
  });

  it('with nobody to ask, the agent is told so at once, and the record says what it asked', async () => {
    const { guard, asked, answered, actions } = await scene('decline');
    const { reason } = (await guard.beforeTool(call([DATABASE]))) as { reason: string };
    expect(reason).toMatch(/Nobody is there to answer questions\. .*decide for yourself/);
    expect(asked()).toEqual([]);
    expect(answered()).toEqual([['decline', undefined]]);
    expect(actions).toMatchObject([
      { type: 'question-answered', question: { questions: [{ text: 'Which database?' }] } },
    ]);
  });

  it('at a terminal, the person there answers, and the guard lets the call pass', async () => {
    const { guard, actions } = await scene('terminal');
    expect(await guard.beforeTool(call([DATABASE]))).toEqual({ allowed: true });
    expect(actions).toEqual([]);
  });

  it('a policy that asks about every tool asks the question only once, and a policy that denies it denies it', async () => {
    const asking = await scene('ask', { rules: [{ tool: '*', decision: 'ask' }] });
    void asking.guard.beforeTool(call([DATABASE]));
    expect(asking.actions.map(({ type }) => type)).toEqual(['question-asked']);
    const denying = await scene('ask', { rules: [{ tool: 'AskUserQuestion', decision: 'deny' }] });
    expect(await denying.guard.beforeTool(call([DATABASE]))).toMatchObject({ allowed: false });
    expect(denying.actions.map(({ type }) => type)).toEqual(['denied']);
  });

  it.each<[string, unknown]>([
    ['no questions', []],
    ['more questions than Claude can ask', [DATABASE, DATABASE, DATABASE, DATABASE, DATABASE]],
    ['a text', 'Which database?'],
    ['a question without words', [{ ...DATABASE, question: ' ' }]],
    ['nothing', undefined],
  ])('the agent decides for itself if its input holds %s', async (_, questions) => {
    const { guard, actions } = await scene();
    expect(await guard.beforeTool(call(questions))).toMatchObject({
      answered: true,
      reason: expect.stringContaining('could not be read'),
    });
    expect(actions).toEqual([]);
  });

  it('texts and lists of an agent are cut', async () => {
    const { guard, asked } = await scene();
    const long = 'x'.repeat(100_000);
    const option = { label: long, description: long, preview: long };
    const options = Array.from({ length: 1_000 }, () => option);
    void guard.beforeTool(call(Array.from({ length: 4 }, () => ({ header: long, question: long, options }))));
    expect(asked()[0]?.questions[0]?.options).toHaveLength(8);
    expect(JSON.stringify(asked()).length).toBeLessThan(80_000);
  });

  it('an agent cannot ask without end', async () => {
    const { guard, asked } = await scene();
    for (let index = 0; index < 16; index++) void guard.beforeTool(call([DATABASE], `q${index}`));
    expect(await guard.beforeTool(call([DATABASE], 'more'))).toMatchObject({
      reason: expect.stringContaining('16 questions wait already'),
    });
    expect(asked()).toHaveLength(16);
  });

  it('the same call gets one answer, however often it asks, also from a later process', async () => {
    const first = await scene();
    const verdicts = [first.guard.beforeTool(call([DATABASE])), first.guard.beforeTool(call([DATABASE]))];
    expect(first.asked()).toHaveLength(1);
    first.answer('SQLite');
    const [one, two] = await Promise.all(verdicts);
    expect(two).toEqual(one);
    expect(await first.guard.beforeTool(call([DATABASE]))).toEqual(one);
    const later = await scene('ask', {}, first.file);
    expect(await later.guard.beforeTool(call([DATABASE]))).toEqual(one);
    expect(later.actions).toEqual([]);
  });

  it('a later process asks again under the same id, with the time that is left', async () => {
    const first = await scene();
    void first.guard.beforeTool(call([DATABASE]));
    first.guard.requests.detach();
    vi.advanceTimersByTime(20_000);
    const later = await scene('ask', {}, first.file);
    const verdict = later.guard.beforeTool({ ...call([DATABASE]), askedAt: 5_000 });
    expect(later.asked()).toEqual(first.asked());
    vi.advanceTimersByTime(40_000);
    expect(await verdict).toMatchObject({ answered: true, reason: expect.stringContaining('Nobody answered') });
  });
});

describe('answers that do not fit', () => {
  it.each<[string, (string | string[])[], string]>([
    ['too few', ['SQLite'], 'there are 2 questions, and each needs one answer'],
    ['too many', ['SQLite', 'Core', 'more'], 'Received 3'],
    ['a list for a question that takes one answer', [['SQLite'], 'Core'], "Option 'answers.0'"],
  ])('%s: the question waits on', async (_, answers, message) => {
    const { guard, answered, answer } = await scene();
    void guard.beforeTool(call([DATABASE, PARTS]));
    const error = await errorOf(() => answer(...answers), 'INVALID_OPTIONS');
    expect(error.message).toContain(message);
    expect(answered()).toEqual([]);
    answer('SQLite', 'Core');
    expect(answered()).toHaveLength(1);
  });

  it('an answer to a question that is over is refused, with the ids of those that wait', async () => {
    const { guard, asked, answered } = await scene();
    void guard.beforeTool(call([DATABASE], 'one'));
    void guard.beforeTool(call([DATABASE], 'two'));
    const [one, two] = asked().map(({ questionId }) => questionId);
    guard.questions.answer(one ?? '', ['SQLite']);
    const over = await errorOf(() => guard.questions.answer(one ?? '', ['SQLite']), 'REQUEST_NOT_FOUND');
    expect(over.message).toContain(`"${one}"`);
    expect(over.message).toContain(`waiting: '${two}'`);
    guard.requests.end('It was cancelled.');
    const ended = await errorOf(() => guard.questions.answer(two ?? '', ['SQLite']), 'REQUEST_NOT_FOUND');
    expect(ended.message).toContain('waiting: none');
    expect(answered()).toEqual([
      ['person', ['SQLite']],
      ['end', undefined],
    ]);
  });

  it('an approval is no question, and a question no approval', async () => {
    const { guard, actions, asked } = await scene('ask', { rules: [{ tool: 'Bash', decision: 'ask' }] });
    void guard.beforeTool(call([DATABASE]));
    void guard.beforeTool({ toolUseId: 't', tool: 'Bash', input: { command: 'ls' } });
    const request = actions.flatMap((action) => (action.type === 'asked' ? [action.request.requestId] : []))[0] ?? '';
    await errorOf(() => guard.questions.answer(request, ['x']), 'REQUEST_NOT_FOUND');
    await errorOf(() => guard.approvals.answer(asked()[0]?.questionId ?? '', 'allow', undefined), 'REQUEST_NOT_FOUND');
  });
});

describe('the log of a call that asked a question', () => {
  const tool: Observation = { kind: 'tool', id: 'q', name: 'AskUserQuestion', input: { questions: [DATABASE] } };
  const result = (output: string, outcome: 'ok' | 'error' = 'error'): Observation[] => [
    { kind: 'tool-result', toolUseId: 'q', outcome, output },
    ...(outcome === 'error'
      ? ([{ kind: 'error', severity: 'warning', code: 'tool_failed', message: output, toolUseId: 'q' }] as const)
      : []),
  ];

  it('an answered call counts as done, with the answer as its output and without an error, in both releases', async () => {
    for (const around of [
      ['', ''],
      ['<tool_use_error>PreToolUse:AskUserQuestion hook error: ', '</tool_use_error>'],
    ]) {
      const { guard, answer } = await scene();
      const verdict = guard.beforeTool(call([{ ...DATABASE, question: 'Which \ud800 "<b>"?' }]));
      answer('half \udc00 \u0007 <i>');
      const { reason } = (await verdict) as { reason: string };
      guard.inspect([tool], true);
      const written = JSON.parse(JSON.stringify(reason)) as string;
      const inLog = around.join(Buffer.from(written, 'utf8').toString('utf8'));
      expect(guard.inspect(result(inLog), true)).toEqual([
        { kind: 'tool-result', toolUseId: 'q', outcome: 'ok', output: reason },
      ]);
    }
  });

  it('a call that ran itself although its answer was given is a breach', async () => {
    const { guard } = await scene('decline');
    await guard.beforeTool(call([DATABASE]));
    guard.inspect([tool], true);
    expect(guard.inspect(result('Answered: something else', 'ok'), true).at(-1)).toMatchObject({ kind: 'breach' });
  });

  it('a call that ran while its question still waits is a breach', async () => {
    const { guard } = await scene();
    void guard.beforeTool(call([DATABASE]));
    guard.inspect([tool], true);
    expect(guard.inspect(result('Answered', 'ok'), true).at(-1)).toMatchObject({ kind: 'breach' });
  });
});

describe('plan mode', () => {
  it.each(['EnterPlanMode', 'ExitPlanMode'])('%s is denied with words that say how to go on', async (tool) => {
    const record = new FakeRecord({ run: { number: 1 } });
    const decisions = new DecisionLog(join(tempFolder(), 'decisions.jsonl'));
    onTestFinished(() => decisions.close());
    const place = { workspace: '/workspace', container: true, mounts: [], ignored: () => false };
    const guard = new RunGuard({ policy: resolvePolicy(), place, record, decisions, off: [tool] });
    expect(await guard.beforeTool({ toolUseId: 't', tool, input: {} })).toMatchObject({
      allowed: false,
      reason: expect.stringMatching(/no plan mode .* Else go on with your work/),
    });
  });
});
