import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { uncommittedWork } from '../../../../../src/core/orchestration/git/worktrees/lost-work.js';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

afterEach(() => vi.unstubAllEnvs());

/** A home folder of the user of this process. */
function home(files: Readonly<Record<string, string>>): void {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  vi.stubEnv('HOME', folder);
  vi.stubEnv('XDG_CONFIG_HOME', undefined);
  vi.stubEnv('GIT_CONFIG_GLOBAL', undefined);
  vi.stubEnv('GIT_CONFIG_SYSTEM', '/dev/null');
}

it.each([
  ['git reads by default', { '.config/git/ignore': '.env\n' }],
  [
    'the configuration names',
    { '.gitconfig': '[core]\n\texcludesFile = ~/.gitignore_global\n', '.gitignore_global': '.env\n' },
  ],
])(
  'files that the user ignores in all repositories can be copied, and are no changes (the file that %s)',
  async (_, files) => {
    home(files);
    const repo = repository();
    writeFileSync(join(repo, '.env'), 'KEY=1\n');
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', copy: ['.env'] });
    expect(readFileSync(join(path, '.env'), 'utf8')).toBe('KEY=1\n');
    expect(warnings).toBeUndefined();
    expect(await uncommittedWork(path)).toBe(false);
  },
);

it('a file that only the configuration of the repository calls ignored is not copied', async () => {
  home({});
  const repo = repository();
  git(repo, 'config', 'core.excludesFile', join(repo, '../ignore'));
  writeFileSync(join(repo, '../ignore'), '.env\n');
  writeFileSync(join(repo, '.env'), 'KEY=1\n');
  const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', copy: ['.env'] });
  expect(existsSync(join(path, '.env'))).toBe(false);
  expect(warnings).toEqual([expect.stringContaining("'core.excludesFile' of the repository")]);
});

it('the warning about a pattern that fits nothing names its causes', async () => {
  home({});
  const repo = repository();
  writeFileSync(join(repo, '.git/info/exclude'), 'deps/\n.env\n');
  mkdirSync(join(repo, 'deps'));
  for (const name of ['deps/z.js', '.env']) writeFileSync(join(repo, name), '');
  const warningOf = async (branch: string, pattern: string) => {
    const { warnings } = await new Worktrees().ensure(repo, { branch, copy: [pattern] });
    return warnings?.join();
  };
  expect(await warningOf('one', 'z.js')).toContain('does not reach into a folder that git ignores as a whole');
  expect(await warningOf('two', './.env')).toContain("'./' at the beginning never fits");
  expect(await warningOf('three', '.env/')).toContain("'/' at the end fits only folders");
});
