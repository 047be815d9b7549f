import { describe, expect, it } from 'vitest';
import { ignoredPaths } from '../../../../src/core/orchestration/git/ignored-paths.js';
import { rateDanger } from '../../../../src/danger/index.js';
import { context } from '../../../danger/rate.js';

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
