import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineIdentity, systemConfig } from '../../../../../src/core/orchestration/git/container/identity.js';
import { parseGitConfig } from '../../../../../src/core/orchestration/git/repository/config-file.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const PERSON = '[user]\n\tname = Person\n\temail = person@example.org\n';
const NO_SYSTEM = { GIT_CONFIG_SYSTEM: '/dev/null' };

function homeWith(files: Record<string, string>): string {
  const home = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(home, name, '..'), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  return home;
}

const identityOf = (home: string, root = repository(), env: NodeJS.ProcessEnv = NO_SYSTEM) =>
  machineIdentity(root, join(root, '.git'), { env, home });

describe('the identity of the user of this process', () => {
  it('comes from the files that git reads, the later ones first', async () => {
    expect(await identityOf(homeWith({ '.gitconfig': PERSON }))).toEqual({
      name: 'Person',
      email: 'person@example.org',
    });
    const both = homeWith({ '.config/git/config': PERSON, '.gitconfig': '[user]\nname = Later' });
    expect(await identityOf(both)).toEqual({ name: 'Later', email: 'person@example.org' });
    const env = { ...NO_SYSTEM, GIT_CONFIG_GLOBAL: join(both, '.config/git/config') };
    expect(await identityOf(both, repository(), env)).toMatchObject({ name: 'Person' });
    expect(await identityOf(tempFolder())).toEqual({});
  });

  it('follows includes, and those that depend on the folder of the repository', async () => {
    const root = repository();
    const include = `[include]\n\tpath = more\n[includeIf "gitdir:${root}/"]\n\tpath = ~/work\n[includeIf "gitdir:/elsewhere/"]\n\tpath = ~/none\n`;
    const files = {
      '.gitconfig': include,
      more: PERSON,
      work: '[user]\n\temail = me@work',
      none: '[user]\n\temail = wrong',
    };
    expect(await identityOf(homeWith(files), root)).toEqual({ name: 'Person', email: 'me@work' });
  });

  it.each([
    ['~/', true],
    ['~/repository', false],
    ['repository/', true],
    ['repository/.git', true],
    ['**/repository/**', true],
    ['./', true],
    ['repo*/', true],
    ['Repository/', false],
    ['other/', false],
  ])('understands the pattern %s as git does', async (pattern, applies) => {
    const root = repository();
    const home = join(root, '..');
    writeFileSync(join(home, '.gitconfig'), `${PERSON}[includeIf "gitdir:${pattern}"]\n\tpath = work\n`);
    writeFileSync(join(home, 'work'), '[user]\n\tname = Work\n');
    const asGit = git(root, 'config', '--file', join(home, '.gitconfig'), '--includes', '--get', 'user.name').trim();
    const { name } = await identityOf(home, root);
    expect(name).toBe(applies ? 'Work' : 'Person');
    if (!pattern.startsWith('~')) expect(asGit).toBe(name);
  });

  it('is not looked for in endless circles, or in anything but a file', async () => {
    const home = homeWith({ '.gitconfig': `[include]\n\tpath = .gitconfig\n\tpath = folder\n${PERSON}` });
    mkdirSync(join(home, 'folder'));
    expect(await identityOf(home)).toMatchObject({ name: 'Person' });
  });
});

describe.runIf(process.getuid?.() === 0)('the identity of the owner of a repository, for a process of root', () => {
  it('is that of this process if the owner has no home folder on the machine', async () => {
    const root = repository();
    chownSync(root, 54_321, 54_321);
    expect(await identityOf(homeWith({ '.gitconfig': PERSON }), root)).toMatchObject({ name: 'Person' });
  });
});

it('the settings for the container have the name in any spelling, and those of the image', () => {
  const text = systemConfig({ name: 'A "B" \\ C; #', email: 'a@b' });
  expect(parseGitConfig(text)).toEqual([
    { name: 'include.path', value: '/etc/gitconfig' },
    { name: 'user.name', value: 'A "B" \\ C; #' },
    { name: 'user.email', value: 'a@b' },
  ]);
});

it('a link to a configuration of the user of this process is followed', async () => {
  const [home, files] = [tempFolder(), homeWith({ dotfile: PERSON })];
  symlinkSync(join(files, 'dotfile'), join(home, '.gitconfig'));
  expect(await identityOf(home)).toMatchObject({ name: 'Person' });
});
