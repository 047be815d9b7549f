import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { DecisionLog } from '../../../../src/core/orchestration/guard/decision-log.js';
import { RunGuard } from '../../../../src/core/orchestration/guard/run-guard.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { resolvePolicy, type ToolPolicy } from '../../../../src/core/orchestration/session/policy.js';
import { rateDanger } from '../../../../src/danger/index.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** Rated critical by any rules. */
const WIPE = 'rm -rf /';
/** Its rating asks for the ignore rules, so that ratings can be counted. */
const CLEAN = 'rm -rf artifacts';

interface Call {
  readonly tool: string;
  readonly input: unknown;
}

async function guardOf(file: string, ignored: (path: string) => boolean = () => false, policy: ToolPolicy = {}) {
  const decisions = new DecisionLog(file);
  onTestFinished(() => decisions.close());
  const place = { workspace: '/workspace', container: true, mounts: [], ignored };
  const guard = new RunGuard({ policy: resolvePolicy(policy), place, record: new FakeRecord(), decisions });
  await guard.ready();
  await guard.restore();
  return { guard, place };
}

const newFile = (): string => join(tempFolder(), 'decisions.jsonl');
const bash = (command: unknown): Call => ({ tool: 'Bash', input: { command } });
const ask = (guard: RunGuard, call: Call, toolUseId = 't') => guard.beforeTool({ toolUseId, ...call });
const line = ({ tool, input }: Call, id = 't'): Observation => ({ kind: 'tool', id, name: tool, input });
const result = (toolUseId: string): Observation => ({ kind: 'tool-result', toolUseId, outcome: 'ok', output: 'x' });
function dangerOf([seen]: readonly Observation[]) {
  return seen?.kind === 'tool' ? seen.danger : 'no call';
}

const call = fc.oneof(
  fc
    .array(fc.constantFrom('ls', WIPE, CLEAN, 'git push --force', 'cat .env', 'npm test', '|', '&&', 'sh', '"$X"', '~'))
    .map((words) => bash(words.join(' '))),
  // Alike but for the field that has the path. Each tool reads only one of them.
  fc
    .tuple(
      fc.constantFrom('Grep', 'Glob', 'Read', 'NotebookEdit'),
      fc.constantFrom('file_path', 'notebook_path', 'path'),
      fc.constantFrom('~/.aws', '/workspace'),
    )
    .map(([tool, field, path]) => ({ tool, input: { pattern: '**/*', [field]: path } })),
  fc.record({
    tool: fc.constantFrom('Read', 'Write', 'Edit', 'Grep', 'Glob', 'NotebookEdit', 'mcp__files__write', 'Bash', 'LS'),
    input: fc.dictionary(
      fc.constantFrom('file_path', 'notebook_path', 'path', 'pattern', 'glob', 'output_mode', 'command', 'content'),
      fc.constantFrom<unknown>(
        '/etc/passwd',
        '/workspace/a.ts',
        'a.ts',
        '~/.ssh/id_rsa',
        '.env',
        '**/*.pem',
        'count',
        '',
        WIPE,
        [WIPE],
        7,
        null,
      ),
    ),
  }),
);

it('a rating that is taken over equals one made anew, whichever comes first and in the next process', async () => {
  const steps = fc.array(fc.record({ call, isLogged: fc.boolean(), isNext: fc.boolean() }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const file = newFile();
      let { guard, place } = await guardOf(file);
      guard.settle();
      for (const { call, isLogged, isNext } of list) {
        if (isNext) ({ guard, place } = await guardOf(file));
        if (isNext) guard.settle();
        const anew = rateDanger(call, place);
        // All of them have one id, as if somebody wrote lines and requests that look like those of another call.
        if (isLogged) expect(dangerOf(guard.inspect([line(call)], 'unasked'))).toEqual(anew);
        else expect((await ask(guard, call)).allowed).toBe(anew?.level !== 'critical');
      }
    }),
    { numRuns: 300 },
  );
});

it.each([
  ['its hook asks first', false],
  ['the log reports it first', true],
])('a call is rated once if %s', async (_, isLoggedFirst) => {
  const ignored = vi.fn(() => true);
  const { guard } = await guardOf(newFile(), ignored);
  guard.settle();
  if (isLoggedFirst) guard.inspect([line(bash(CLEAN))], true);
  else await ask(guard, bash(CLEAN));
  const once = ignored.mock.calls.length;
  expect(once).toBeGreaterThan(0);
  if (isLoggedFirst) await ask(guard, bash(CLEAN));
  else guard.inspect([line(bash(CLEAN))], true);
  expect(ignored).toHaveBeenCalledTimes(once);
  guard.inspect([line(bash(`${CLEAN} `), 'other')], true);
  expect(ignored.mock.calls.length, 'another call').toBeGreaterThan(once);
});

it('the next process takes over the rating that is kept with a decision', async () => {
  const file = newFile();
  const { guard } = await guardOf(file);
  guard.settle();
  await ask(guard, bash(CLEAN));
  await ask(guard, { tool: 'Write', input: { file_path: '/workspace/.git/hooks/pre-commit', content: 'x' } }, 'u');
  const ignored = vi.fn(() => false);
  const { guard: next, place } = await guardOf(file, ignored);
  const write: Call = { tool: 'Write', input: { file_path: '/workspace/.git/hooks/pre-commit', content: 'y' } };
  const seen = [dangerOf(next.inspect([line(bash(CLEAN))], true)), dangerOf(next.inspect([line(write, 'u')], true))];
  expect(ignored).not.toHaveBeenCalled();
  expect(seen).toEqual([rateDanger(bash(CLEAN), place), rateDanger(write, place)]);
  expect(seen).not.toContain(undefined);
});

it('a rating of an earlier process does not decide about a call', async () => {
  const file = newFile();
  const { guard } = await guardOf(file, undefined, { dangerous: 'allow' });
  guard.settle();
  await ask(guard, bash(WIPE));
  const [decision] = await new DecisionLog(file).read();
  writeFileSync(file, `${JSON.stringify({ ...decision, danger: null })}\n`);
  const { guard: next } = await guardOf(file);
  expect(await ask(next, bash(WIPE))).toMatchObject({ allowed: false });
});

it('a rating from before the ignore rules are read is not taken over', async () => {
  let isRead = false;
  const { guard } = await guardOf(newFile(), () => isRead);
  const before = dangerOf(guard.inspect([line(bash(CLEAN))], true));
  isRead = true;
  guard.settle();
  const after = dangerOf(guard.inspect([line(bash(CLEAN))], true));
  expect(before).toBeDefined();
  expect(after).not.toEqual(before);
});

it('a run can be taken over that has had more calls than the guard remembers', async () => {
  const file = newFile();
  const { guard } = await guardOf(file);
  await ask(guard, bash('ls'));
  const [decision] = await new DecisionLog(file).read();
  const ids = Array.from({ length: 10_100 }, (_, index) => `toolu_${index}`);
  writeFileSync(file, ids.map((toolUseId) => `${JSON.stringify({ ...decision, toolUseId })}\n`).join(''));
  const { guard: next } = await guardOf(file);
  const seen = ids.flatMap((id) => next.inspect([line(bash('ls'), id), result(id)], true));
  expect(seen.filter(({ kind }) => kind === 'breach')).toEqual([]);
  const forged = next.inspect([line(bash('ls'), 'forged'), result('forged')], true);
  expect(forged.at(-1)).toMatchObject({ kind: 'breach' });
});
