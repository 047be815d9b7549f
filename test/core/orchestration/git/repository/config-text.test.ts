import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseGitConfig } from '../../../../../src/core/orchestration/git/repository/config-file.js';
import { configText } from '../../../../../src/core/orchestration/git/repository/config-text.js';
import { git } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const copyOf = (text: string, ...moved: Parameters<typeof configText>[2]): string =>
  configText(parseGitConfig(text) ?? [], '/work/r/.git', moved);

/** All settings of a text, as git reads them. */
function listed(text: string): string {
  const file = join(tempFolder(), 'config');
  writeFileSync(file, text);
  return git('/', 'config', '--file', file, '--null', '--list');
}

it.each([
  '[core]\n\tbare = false\n\tfilemode\n[remote "o \\"r\\\\ü"]\n\turl = a#b ; no\n\tfetch = "+refs/*:refs/*"\n',
  '[alias]\n\tx = "!f() { echo \\"a;b\\"; }; f"\n\ty = a\\\n  b\\tc\\nd\n[branch.Dotted]\n\tmerge = refs/heads/x\n',
  '[user]\n\tname = "  spaces  "\n[a]\n\tb =\n\tb = 2\n\tb = 1\n',
])('a copied configuration has the same settings in the same order (%#)', (text) => {
  // A setting without a value means true, and the copy says so.
  expect(listed(copyOf(text))).toBe(listed(text.replace('filemode\n', 'filemode = true\n')));
});

it.each([
  ['~/ignore', undefined],
  ['/elsewhere/ignore', undefined],
  ['/work/r/.ignore', '/workspace/.ignore'],
  ['.ignore', '.ignore'],
])('an ignore file counts only where the container has it (%s)', (path, kept) => {
  const copy = copyOf(`[core]\n excludesFile = ${path}\n`, { from: '/work/r', to: '/workspace' });
  expect(parseGitConfig(copy)?.map(({ value }) => value)).toEqual(kept === undefined ? [] : [kept]);
});

it('a copied configuration has the paths of the container, and no worktree of its own', () => {
  const text = [
    '[core]\n worktree = ../..\n hooksPath = /work/r/.husky',
    '[include]\n path = ../.gitconfig\n path = extra\n path = /elsewhere',
    '[extensions]\n relativeWorktrees = true\n objectFormat = sha256\n',
  ].join('\n');
  const moved = [
    { from: '/work/r/.git', to: '/git' },
    { from: '/work/r', to: '/workspace' },
  ];
  const entries = parseGitConfig(copyOf(text, ...moved))?.map(({ name, value }) => `${name}=${value}`);
  expect(entries).toEqual([
    'core.hookspath=/workspace/.husky',
    'include.path=/workspace/.gitconfig',
    'include.path=/git/extra',
    'include.path=/elsewhere',
    'extensions.objectformat=sha256',
  ]);
});
