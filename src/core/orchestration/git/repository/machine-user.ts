import { lstat, readFile, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openRegularFile, readHandle } from '../../util/fs/regular-file.js';
import { type GitConfigEntry, parseGitConfig } from './config-file.js';
import { includeApplies } from './include-condition.js';
import { ignoreFileOf, type UserIgnore } from './user-ignore.js';

/** People's configurations are far shorter. */
const MOST_BYTES = 1024 * 1024;
const MOST_FILES = 50;

/** The settings of a user that count here, by the name that `git config --list` shows. */
const WANTED: ReadonlySet<string> = new Set(['user.name', 'user.email', 'core.excludesfile']);

/** The user of this process. */
export interface Person {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

/** What the configuration of a user says about all repositories. */
export interface MachineUser {
  readonly identity: { readonly name?: string; readonly email?: string };
  readonly ignore: UserIgnore;
}

/**
 * What the user's configuration says to git on the machine when it works in a checkout. The repository's own settings do not count.
 *
 * If this process runs as root and the checkout belongs to somebody else, the owner's configuration counts first. An owner who has
 * configured an address but no ignore file has no ignore rules.
 */
export async function machineUser(checkout: string, gitDir: string, person: Person): Promise<MachineUser> {
  const owner = await ownerOf(checkout);
  const own = owner && (await userWith(globalFiles({}, owner.home), { ...owner, env: {}, gitDir }));
  if (own?.identity.email !== undefined) return own;
  const { env, home } = person;
  const system = env.GIT_CONFIG_NOSYSTEM === undefined ? [env.GIT_CONFIG_SYSTEM ?? '/etc/gitconfig'] : [];
  const user = await userWith([...system, ...globalFiles(env, home)], { env, home, gitDir });
  const hasRules = own?.ignore.text !== undefined || own?.ignore.problem !== undefined;
  return hasRules ? { ...user, ignore: own.ignore } : user;
}

function globalFiles(env: NodeJS.ProcessEnv, home: string): string[] {
  if (env.GIT_CONFIG_GLOBAL !== undefined) return [env.GIT_CONFIG_GLOBAL];
  return [join(env.XDG_CONFIG_HOME || join(home, '.config'), 'git/config'), join(home, '.gitconfig')];
}

interface Reader extends Person {
  readonly gitDir: string;
  /** The user to whom a file has to belong. Absent if any file of the process's own user is read. */
  readonly uid?: number;
}

async function userWith(files: readonly string[], reader: Reader): Promise<MachineUser> {
  const found = new Map<string, string>();
  let read = 0;
  const follow = async (path: string): Promise<void> => {
    if (++read > MOST_FILES) return;
    for (const { name, value } of await entriesIn(path, reader)) {
      if (WANTED.has(name)) found.set(name, value);
      if (!includeApplies(name, { ...reader, folder: dirname(path) })) continue;
      await follow(value.startsWith('~/') ? join(reader.home, value.slice(2)) : resolve(dirname(path), value));
    }
  };
  for (const file of files) await follow(file);
  const [name, email] = [found.get('user.name'), found.get('user.email')];
  return {
    identity: { ...(name !== undefined && { name }), ...(email !== undefined && { email }) },
    ignore: await ignoreFileOf(found.get('core.excludesfile'), reader),
  };
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
