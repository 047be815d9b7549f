import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { MOST_OPEN, RunProgress } from '../../../../src/core/orchestration/session/run-progress.js';

const RESULT: Observation = { kind: 'result', subtype: 'success', isError: false };
const says = (text = 'hello', parentToolUseId?: string): Observation => ({
  kind: 'message',
  text,
  first: true,
  ...(parentToolUseId !== undefined && { parentToolUseId }),
});
const call = (id: string, name = 'Bash', input: unknown = {}, parentToolUseId?: string): Observation => ({
  kind: 'tool',
  id,
  name,
  input,
  ...(parentToolUseId !== undefined && { parentToolUseId }),
});
const answer = (toolUseId: string): Observation => ({ kind: 'tool-result', toolUseId, outcome: 'ok', output: '' });
const task = (
  state: 'running' | 'completed' | 'failed' | 'stopped',
  more: Partial<Extract<Observation, { kind: 'task' }>> = {},
): Observation => ({ kind: 'task', id: 't', state, ...(state === 'running' && { what: 'npm test' }), ...more });

function after(...observations: Observation[]): RunProgress {
  const progress = new RunProgress();
  progress.observe(observations);
  return progress;
}

describe('the last word of a run', () => {
  it.each<[string, Observation[], boolean]>([
    ['a result', [says(), RESULT], true],
    ['no result', [says()], false],
    ['a result and further work', [RESULT, says()], false],
    ['a second result after further work', [RESULT, says(), RESULT], true],
    ['a result while a task runs in the background', [call('a'), task('running'), answer('a'), RESULT], false],
    ['a task that ended before the result', [task('running'), task('completed'), says(), RESULT], true],
    ['a task that ended after the result, so that a turn follows', [task('running'), RESULT, task('completed')], false],
    ['the answer to that', [task('running'), RESULT, task('completed'), { kind: 'turn-begin' }, says(), RESULT], true],
    ['a task that Claude stopped while it exits', [task('running'), RESULT, task('stopped')], true],
    ['a result while a call is open', [call('a'), RESULT], false],
    [
      'a result while only a call of a subagent that is over is open',
      [call('a'), call('b', 'Bash', {}, 'a'), answer('a'), RESULT],
      true,
    ],
    ['a call that was withdrawn: the model said more without its result', [call('a'), says(), RESULT], true],
    ['a new beginning after a result', [RESULT, { kind: 'init', conversationId: 'x' }], false],
    ['an error after the result', [RESULT, { kind: 'diagnostic', line: 'bye' }], true],
    ['tasks that the newest list does not have', [task('running'), { kind: 'tasks', running: [] }, RESULT], true],
    ['a task that only the list has', [{ kind: 'tasks', running: [{ id: 'u', what: 'x' }] }, RESULT], false],
    [
      'a task for which its call waits',
      [call('a'), task('running', { background: false, toolUseId: 'a' }), answer('a'), RESULT],
      true,
    ],
  ])('%s', (_, observations, isFinal) => {
    expect(after(...observations).isFinal).toBe(isFinal);
  });
});

describe('work that the agent was not told of', () => {
  it.each<[string, Observation[], string[]]>([
    [
      'a task that failed after the last words',
      [task('running'), says(), task('failed'), RESULT],
      ['npm test (failed)'],
    ],
    [
      'a task that was stopped after the last words',
      [task('running'), says(), task('stopped')],
      ['npm test (stopped)'],
    ],
    ['a task that failed before the last words', [task('running'), task('failed'), says()], []],
    ['a task that was completed', [task('running'), says(), task('completed')], []],
    [
      'a task that the agent stopped itself',
      [task('running'), call('k', 'TaskStop', { task_id: 't' }), task('stopped'), answer('k')],
      [],
    ],
    [
      'words of a subagent are not words of the agent',
      [task('running'), task('failed'), says('x', 'a')],
      ['npm test (failed)'],
    ],
  ])('%s', (_, observations, unheard) => {
    expect(after(...observations).open.unheard).toEqual(unheard);
  });
});

it('a failed request is known until the agent says something', () => {
  const failed: Observation = {
    kind: 'error',
    severity: 'warning',
    code: 'x',
    message: 'no',
    request: { status: 500 },
  };
  expect(after(says(), failed).failedRequest).toEqual({ text: 'no', status: 500 });
  expect(after(failed, says()).failedRequest).toBeUndefined();
});

it('the agent is silent after the result of a call, until it says something', () => {
  expect(after(call('a'), answer('a')).isSilent).toBe(true);
  expect(after(call('a'), answer('a'), says('')).isSilent).toBe(true);
  expect(after(call('a'), answer('a'), says()).isSilent).toBe(false);
  expect(after(answer('never called')).isSilent).toBe(false);
});

it('a log with any number of open calls and tasks is kept to a bounded size', () => {
  const progress = new RunProgress();
  for (let n = 0; n < 3 * MOST_OPEN; n++) {
    progress.observe([call(`${n}`), { kind: 'task', id: `${n}`, state: 'running', what: 'x'.repeat(100) }]);
  }
  expect(progress.openCalls.size).toBe(MOST_OPEN);
  expect(progress.open.tasks).toHaveLength(5);
});

it('an open call does not keep its input, which may have megabytes', () => {
  const { openCalls } = after(call('a', 'Write', { content: 'x' }));
  expect(openCalls.get('a')).toEqual({ name: 'Write', parentToolUseId: undefined });
});
