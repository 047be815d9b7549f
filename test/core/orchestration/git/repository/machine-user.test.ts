import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineUser } from '../../../../../src/core/orchestration/git/repository/machine-user.js';
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

const userOf = (home: string, root = repository(), env: NodeJS.ProcessEnv = NO_SYSTEM) =>
  machineUser(root, join(root, '.git'), { env, home });
const identityOf = async (...of: Parameters<typeof userOf>) => (await userOf(...of)).identity;
const ignoreOf = async (...of: Parameters<typeof userOf>) => (await userOf(...of)).ignore;

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

it('a link to a configuration of the user of this process is followed', async () => {
  const [home, files] = [tempFolder(), homeWith({ dotfile: PERSON })];
  symlinkSync(join(files, 'dotfile'), join(home, '.gitconfig'));
  expect(await identityOf(home)).toMatchObject({ name: 'Person' });
});

describe('the ignore rules of the user of this process', () => {
  it('come from the file that git reads by default, or from the one that the configuration names', async () => {
    const byDefault = homeWith({ '.config/git/ignore': '.env\n', 'xdg/git/ignore': 'xdg\n' });
    expect(await ignoreOf(byDefault)).toEqual({ text: '.env\n' });
    const env = { ...NO_SYSTEM, XDG_CONFIG_HOME: join(byDefault, 'xdg') };
    expect(await ignoreOf(byDefault, repository(), env)).toEqual({ text: 'xdg\n' });
    const files = { '.config/git/ignore': 'default\n', '.gitignore_global': '.idea/\n' };
    const named = (path: string) => homeWith({ ...files, '.gitconfig': `[core]\n\texcludesFile = ${path}\n` });
    expect(await ignoreOf(named('~/.gitignore_global'))).toEqual({ text: '.idea/\n' });
    expect(await ignoreOf(named(join(byDefault, '.config/git/ignore')))).toEqual({ text: '.env\n' });
    for (const none of ['/dev/null', '~/missing-ignore', '']) expect(await ignoreOf(named(none))).toEqual({});
    expect(await ignoreOf(tempFolder())).toEqual({});
  });

  it('do not come from the configuration of the repository', async () => {
    const root = repository();
    writeFileSync(join(root, '..', 'ignore'), 'planted\n');
    git(root, 'config', 'core.excludesFile', join(root, '..', 'ignore'));
    expect(await ignoreOf(homeWith({ '.config/git/ignore': '.env\n' }), root)).toEqual({ text: '.env\n' });
  });

  it('are left out, with the reason, if the file is too long, is none, or may be any file', async () => {
    const named = (path: string) => homeWith({ '.gitconfig': `[core]\n\texcludesFile = ${path}\n`, id_rsa: 'KEY' });
    const long = homeWith({ '.config/git/ignore': 'x'.repeat(64 * 1024 + 1) });
    const folder = homeWith({ '.config/git/ignore/file': '' });
    const linked = homeWith({ '.config/git/other': '', id_rsa: 'KEY' });
    symlinkSync(join(linked, 'id_rsa'), join(linked, '.config/git/ignore'));
    const given: readonly (readonly [string, string])[] = [
      [long, 'longer than 65536 bytes'],
      [folder, 'not a regular file'],
      [named('ignore'), 'begins with / or ~/'],
      [named('~/id_rsa'), "neither 'ignore' nor 'exclude'"],
      [linked, "neither 'ignore' nor 'exclude'"],
    ];
    for (const [home, why] of given) expect(await ignoreOf(home)).toEqual({ problem: expect.stringContaining(why) });
  });

  it('are found through a link to a file with such a name', async () => {
    const [home, dotfiles] = [homeWith({ '.config/git/other': '' }), homeWith({ gitignore: '.env\n' })];
    symlinkSync(join(dotfiles, 'gitignore'), join(home, '.config/git/ignore'));
    expect(await ignoreOf(home)).toEqual({ text: '.env\n' });
  });
});
