import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchNameProblem } from '../../../../src/core/orchestration/session/branch-name.js';

/** True if git accepts the name. git expands names such as `@{-1}`; a name that git changes is not accepted. */
function gitAccepts(name: string): boolean {
  if (name.includes('\0')) return false;
  const { status, stdout } = spawnSync('git', ['check-ref-format', '--branch', name], { cwd: '/', encoding: 'utf8' });
  return status === 0 && stdout === `${name}\n`;
}

describe('branchNameProblem', () => {
  it.each(['main', 'feature/login', 'fix-1.2', 'a@b', 'ü', 'x/y/z', '#12', 'HEAD2', 'a.b', "it's", 'a{b}'])(
    'branch name %j is accepted, by git too',
    (name) => {
      expect(branchNameProblem(name)).toBeUndefined();
      expect(gitAccepts(name)).toBe(true);
    },
  );

  it.each([
    ...[
      '',
      '-',
      '-b',
      '--help',
      '@',
      'HEAD',
      'a..b',
      'a@{b',
      'a//b',
      '/a',
      'a/',
      'a.',
      '.a',
      'a/.b',
      'a.lock',
      'a.lock/b',
    ],
    ...['a b', 'a~b', 'a^b', 'a:b', 'a?b', 'a*b', 'a[b', 'a\\b', 'a\nb', 'a\tb', 'a\x7fb', 'a\0b', 'x'.repeat(201)],
  ])('branch name %j is refused with a reason', (name) => {
    expect(branchNameProblem(name)).toMatch(/^(is|begins|has) /);
  });

  it('a branch name that git refuses is never accepted', () => {
    const unit = fc.constantFrom(...'ab.-/@{}~^:?*[\\ \n', 'HEAD', '.lock', '..', 'ü', '\x7f', '"', '$', '\u2028');
    const name = fc.array(unit, { minLength: 1, maxLength: 5 }).map((units) => units.join(''));
    fc.assert(
      fc.property(name, (candidate) => {
        if (branchNameProblem(candidate) === undefined) expect(gitAccepts(candidate), candidate).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
