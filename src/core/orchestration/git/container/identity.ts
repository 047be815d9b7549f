import { lstat, readFile, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openRegularFile, readHandle } from '../../util/fs/regular-file.js';
import { type GitConfigEntry, parseGitConfig } from '../repository/config-file.js';
import { settingText } from '../repository/config-text.js';
import { includeApplies } from './include-condition.js';

/** Whose name and address commits have. */
export interface GitIdentity {
  readonly name?: string;
  readonly email?: string;
}

/** People's configurations are far shorter. */
const MOST_BYTES = 1024 * 1024;
const MOST_FILES = 50;

/** The user of this process. */
export interface Person {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

/**
 * The name and address that git on the machine would give to commits in a checkout, apart from the repository's own settings.
 *
 * If this process runs as root and the checkout belongs to somebody else, the owner's configuration counts first.
 */
export async function machineIdentity(checkout: string, gitDir: string, person: Person): Promise<GitIdentity> {
  const owner = await ownerOf(checkout);
  const own = owner && (await identityIn(globalFiles({}, owner.home), { ...owner, gitDir }));
  if (own?.email !== undefined) return own;
  const { env, home } = person;
  const system = env.GIT_CONFIG_NOSYSTEM === undefined ? [env.GIT_CONFIG_SYSTEM ?? '/etc/gitconfig'] : [];
  return identityIn([...system, ...globalFiles(env, home)], { home, gitDir });
}

/** The text of a configuration for the whole container, which also has the image's own settings. */
export function systemConfig({ name, email }: GitIdentity): string {
  const own = { name, email };
  const settings = Object.entries(own).map(([key, value]) =>
    value === undefined ? '' : settingText(`user.${key}`, value),
  );
  return `[include]\n\tpath = /etc/gitconfig\n${settings.join('')}`;
}

function globalFiles(env: NodeJS.ProcessEnv, home: string): string[] {
  if (env.GIT_CONFIG_GLOBAL !== undefined) return [env.GIT_CONFIG_GLOBAL];
  return [join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'git/config'), join(home, '.gitconfig')];
}

interface Reader {
  readonly home: string;
  readonly gitDir: string;
  /** The user to whom a file has to belong. Absent if any file of the process's own user is read. */
  readonly uid?: number;
}

async function identityIn(files: readonly string[], reader: Reader): Promise<GitIdentity> {
  const found: { name?: string; email?: string } = {};
  let read = 0;
  const follow = async (path: string): Promise<void> => {
    if (++read > MOST_FILES) return;
    for (const { name, value } of await entriesIn(path, reader)) {
      if (name === 'user.name') found.name = value;
      if (name === 'user.email') found.email = value;
      if (!includeApplies(name, { ...reader, folder: dirname(path) })) continue;
      await follow(value.startsWith('~/') ? join(reader.home, value.slice(2)) : resolve(dirname(path), value));
    }
  };
  for (const file of files) await follow(file);
  return found;
}

async function entriesIn(path: string, { uid }: Reader): Promise<GitConfigEntry[]> {
  try {
    // People keep such files in other places, and link to them. For another user, links are not followed.
    const file = await openRegularFile(uid === undefined ? await realpath(path) : path);
    try {
      if (uid !== undefined && (await file.stat()).uid !== uid) return [];
      return parseGitConfig((await readHandle(file, { most: MOST_BYTES })).toString('utf8')) ?? [];
    } finally {
      await file.close();
    }
  } catch {
    return []; // There is none, or it cannot be read: then git would have no name either.
  }
}

/** The user to whom a checkout belongs, if this process is root and that user is another one. */
async function ownerOf(checkout: string): Promise<{ uid: number; home: string } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const { uid } = await lstat(checkout);
    if (uid === 0) return undefined;
    const passwd = await readFile('/etc/passwd', 'utf8');
    const line = passwd.split('\n').find((each) => each.split(':')[2] === String(uid));
    const home = line?.split(':')[5];
    return home?.startsWith('/') ? { uid, home } : undefined;
  } catch {
    return undefined;
  }
}
