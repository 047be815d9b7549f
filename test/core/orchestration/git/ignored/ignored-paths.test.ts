import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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
  expect(ignoredPaths([{ folder: '', lines: ['[', '\\', '!', '/', '**', '***'] }])('../x')).toBe(false);
});

it.each([
  ['a', ['*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab'], `${'a'.repeat(3_000)}ba`],
  ['many', Array.from({ length: 4_900 }, (_, index) => `*${index}*x*${index}`), `${'1x'.repeat(2_000)}ba`],
  ['a nested', [`${'**/a*/'.repeat(12)}c`], `${'a/'.repeat(200)}cx`],
])(
  '%s pattern that would take minutes to match makes no path ignored, and the others go on',
  async (_, lines, path) => {
    const rules = ignoredPaths([{ folder: '', lines: ['/artifacts/', ...lines] }]);
    expect(rules(path)).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(rules('artifacts/x')).toBe(true);
  },
);

it.each<[pattern: string, ignored: string[], others: string[]]>([
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a/c']],
  ['**/a/b', ['a/b', 'x/y/a/b'], ['a', 'a/x/b']],
  ['a/**/b', ['a/b', 'a/x/y/b'], ['a', 'b']],
  ['a/*', ['a/b', 'a/b/c'], ['a', 'x/a/b']],
  ['a*c', ['ac', 'abc', 'x/abbc'], ['ab', 'a/c']],
  ['?', ['a', 'x/b'], ['ab', '\u00fc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[!a-c]x', ['dx'], ['ax', 'x']],
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
