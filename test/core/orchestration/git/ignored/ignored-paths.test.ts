import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TooMuchToCompare } from '../../../../../src/core/orchestration/git/ignored/ignore-pattern.js';
import { ignoredPaths } from '../../../../../src/core/orchestration/git/ignored/ignored-paths.js';
import { rateDanger } from '../../../../../src/danger/index.js';
import { context } from '../../../../danger/rate.js';
import { repository } from '../../../../support/git.js';

const ignored = ignoredPaths([
  {
    folder: '',
    lines: ['# output', '', '/artifacts/', 'snapshots', '*.cache', '!keep.cache', '.env*', 'certs/', 'secrets'],
  },
  { folder: 'web', lines: ['public/js', '/bundle', 'parts/', '!snapshots'] },
  { folder: 'odd [x]', lines: ['*'] },
]);

function level(command: string, rules = ignored): string {
  return rateDanger({ tool: 'Bash', input: { command } }, { ...context, ignored: rules })?.level ?? 'none';
}

describe('a folder that the committed rules ignored', () => {
  it.each([
    'rm -rf artifacts',
    'rm -rf ./artifacts/',
    'rm -rf artifacts/a/b',
    'rm -rf artifacts/*',
    'rm -rf "artifacts/$NAME"',
    'rm -rf a/b/snapshots',
    'rm -rf x.cache',
    'rm -rf web/public/js web/bundle',
    'rm -rf web/a/parts',
    'cd web && rm -rf bundle',
    "rm -rf 'odd [x]/a'",
    'find artifacts -delete',
    'find artifacts -type f -delete',
    'find artifacts -type f | xargs rm -f',
    'python3 -c "import shutil; shutil.rmtree(\'artifacts\')"',
    'npx rimraf artifacts',
  ])('an ignored folder may be deleted: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});

describe('a path that the committed rules did not ignore', () => {
  it.each([
    'rm -rf src',
    'rm -rf a/artifacts',
    'rm -rf keep.cache',
    'rm -rf web/snapshots',
    'rm -rf public/js',
    'rm -rf bundle',
    'rm -rf artifacts src',
    'rm -rf artifacts/../src',
    'rm -rf a*',
    'rm -rf *',
    'rm -rf "$NAME/artifacts/../.."',
    'rm -rf .env',
    'rm -rf .env.d',
    'rm -rf certs',
    'rm -rf certs/',
    'rm -rf secrets',
    'rm -rf .git/artifacts',
    'rm -rf /artifacts',
    'cd / && rm -rf artifacts',
    'ln -s ../src artifacts; rm -rf artifacts/*',
    'ln -sfn / artifacts && cd artifacts && rm -rf home',
    'ln -s /home artifacts; find artifacts/ -delete',
    'git clean -fdX',
  ])('deleting any other path is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });
});

it('a workspace below the top of its repository has the rules for its folder', () => {
  const rules = ignoredPaths(
    [
      { folder: '', lines: ['/web/bundle', '/top'] },
      { folder: 'web', lines: ['/own'] },
    ],
    'web',
  );
  for (const command of ['rm -rf bundle', 'rm -rf own']) expect(level(command, rules)).toBe('none');
  for (const command of ['rm -rf top', 'rm -rf web/own']) expect(level(command, rules)).toBe('critical');
});

it('too many rules or malformed rules ignore no path', () => {
  const lines = Array.from({ length: 6_000 }, (_, index) => `folder-${index}`);
  expect(ignoredPaths([{ folder: '', lines }])('folder-1')).toBe(false);
  const long = Array.from({ length: 3_000 }, (_, index) => `folder-${index}-${'x'.repeat(100)}`);
  expect(ignoredPaths([{ folder: '', lines: ['/artifacts', ...long] }])('artifacts')).toBe(false);
  expect(ignoredPaths([{ folder: '', lines: ['[', '\\', '!', '/', '**', '***'] }])('../x')).toBe(false);
});

it.each([
  ['a', Array.from({ length: 400 }, () => `${'*a'.repeat(30)}*ab`), `${'a'.repeat(250)}ba`],
  ['many', Array.from({ length: 4_900 }, (_, index) => `*${index}*x*${index}`), `${'1x'.repeat(120)}ba`],
  ['a nested', Array.from({ length: 400 }, () => `${'**/a*/'.repeat(12)}c`), `${'a/'.repeat(100)}cx`],
])('%s pattern that would take minutes to match fails, and the others go on', async (_, lines, name) => {
  const rules = ignoredPaths([{ folder: '', lines: ['/artifacts/', ...lines] }]);
  const path = Array.from({ length: 12 }, () => name).join('/');
  expect(() => rules(path)).toThrow(TooMuchToCompare);
  await new Promise((resolve) => setImmediate(resolve));
  expect(rules('artifacts/x')).toBe(true);
});

it.each([
  ['a name of more than 255 bytes', '\u00fc'.repeat(128)],
  ['a path of more than 4,096 bytes', 'a/'.repeat(2_049)],
  ['a path of any length', 'a/'.repeat(1_000_000)],
])('%s is too much to compare', (_, path) => {
  expect(() => ignored(path)).toThrow(TooMuchToCompare);
});

it('a command with padding that is too much to compare is critical as a whole', async () => {
  const lines = ['/artifacts/', ...Array.from({ length: 40 }, (_, index) => `*.${index}`)];
  const rules = ignoredPaths([{ folder: '', lines }]);
  const paddings = [
    `mv ${'b/'.repeat(15_000)}b c`,
    ...['ab', 'abc'].map((name) => `mv ${Array.from({ length: 40 }, () => `${name}/`.repeat(1_000)).join(' ')} c`),
  ];
  for (const padding of ['', ...paddings]) {
    await new Promise((resolve) => setImmediate(resolve));
    const command = `${padding}\nmv src artifacts/src`;
    const danger = rateDanger({ tool: 'Bash', input: { command } }, { ...context, container: true, ignored: rules });
    expect(danger).toMatchObject({
      level: 'critical',
      rule: padding === '' ? 'files.disposable' : 'shell.too-complex',
    });
  }
});

describe('rules that are made to take long', () => {
  /** The processor time of some matches, in microseconds. */
  async function cost(file: { folder: string; lines: string[] }, path: string): Promise<number> {
    const rules = ignoredPaths([file]);
    await new Promise((resolve) => setImmediate(resolve));
    const begun = process.cpuUsage();
    for (let count = 0; count < 3; count += 1) rules(path);
    const { user, system } = process.cpuUsage(begun);
    return user + system;
  }

  it('a long set is matched as fast as a short one', async () => {
    const set = (length: number): string[] => [`*[${'b'.repeat(length)}]x`];
    const path = Array.from({ length: 15 }, () => 'a'.repeat(250)).join('/');
    const short = await cost({ folder: '', lines: set(1) }, path);
    expect(await cost({ folder: '', lines: set(50_000) }, path)).toBeLessThan(20 * Math.max(short, 1_000));
  });

  it('rules in a deep folder are matched as fast as rules at the top', async () => {
    const lines = Array.from({ length: 150 }, (_, index) => `x${index}`);
    const path = 'a/'.repeat(2_000);
    const top = await cost({ folder: '', lines }, path);
    const deep = await cost({ folder: 'a/'.repeat(1_000), lines }, path);
    expect(deep).toBeLessThan(3 * top);
  });
});

it.each<[pattern: string, ignored: string[], others: string[]]>([
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a/c']],
  ['**/a/b', ['a/b', 'x/y/a/b'], ['a', 'a/x/b']],
  ['a/**/b', ['a/b', 'a/x/y/b'], ['a', 'b']],
  ['a/*', ['a/b', 'a/b/c'], ['a', 'x/a/b']],
  ['a*c', ['ac', 'abc', 'x/abbc'], ['ab', 'a/c']],
  ['?', ['a', 'x/b'], ['ab', '\u00fc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[!a-c]x', ['dx'], ['ax', 'x']],
  ['[!b-a]x', ['ax', 'cx'], ['bx']],
  ['[b-a]x', ['bx'], ['ax', 'cx']],
  ['/a/[k/x]eep', ['a/keep', 'a/xeep'], ['a/eep', 'a/k']],
  ['a[!/]b', ['acb'], ['a/b', 'x/acb']],
  [String.raw`a\/b`, ['a/b'], ['x/a/b']],
  ['a/****/b', ['a/b', 'a/x/y/b'], ['a', 'b']],
  ['[[:x]', ['[', 'x'], ['a']],
  ['[[:DIGIT:]]', [], ['1', 'D', 'D]']],
  ['[]-]x', [']x', '-x'], ['ax']],
  ['[[:digit:]]x', ['1x'], ['ax', ':x']],
  [String.raw`\!a`, ['!a'], ['a']],
  [String.raw`\#a`, ['#a'], ['a']],
  ['a  ', ['a'], ['a  ']],
  [String.raw`a\ `, ['a '], ['a']],
  ['**', ['a', 'b/c'], []],
])('the pattern %s means what git takes it for', (pattern, ignored, others) => {
  const rules = ignoredPaths([{ folder: '', lines: [pattern] }]);
  const repo = repository();
  writeFileSync(join(repo, '.gitignore'), `${pattern}\n`);
  for (const path of [...ignored, ...others]) {
    const top = join(repo, path);
    mkdirSync(top, { recursive: true });
    const { status } = spawnSync('git', ['check-ignore', '--quiet', '--no-index', '--', path], { cwd: repo });
    expect([path, status === 0], pattern).toEqual([path, ignored.includes(path)]);
    expect([path, rules(path)]).toEqual([path, ignored.includes(path)]);
    rmSync(join(repo, path.split('/')[0] ?? ''), { recursive: true });
  }
});

it('a path below an ignored folder stays ignored, whatever later rules say', () => {
  const rules = ignoredPaths([
    { folder: '', lines: ['build', '!build/keep', '*.tmp', '!x.tmp'] },
    { folder: 'web', lines: ['!build', '*.tmp'] },
  ]);
  expect(['build/keep', 'web/build', 'x.tmp', 'y.tmp', 'web/x.tmp'].map(rules)).toEqual([
    true,
    false,
    false,
    true,
    true,
  ]);
});
