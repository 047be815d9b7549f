import { realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { quote, systemCode } from '../../util/errors.js';
import { inWords } from '../../util/fs/in-words.js';
import { openRegularFile, readHandle } from '../../util/fs/regular-file.js';

/** People's ignore files are far shorter. */
const MOST_BYTES = 64 * 1024;
/**
 * The name that an ignore file needs. Its content gets into containers. An agent that works on a person's settings could make
 * the path lead to any file of this person, but no key or password is in a file with such a name.
 */
const NAME = /ignore|exclude/i;

/** The rules by which a user's git ignores files in all repositories. */
export interface UserIgnore {
  /** Absent if there are none. */
  readonly text?: string;
  /** Why the rules are left out, in words. */
  readonly problem?: string;
}

interface Reader {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** The user to whom the file has to belong. Absent if any file that this process can read will do. */
  readonly uid?: number;
}

/**
 * Reads the ignore file of a user, once and as a whole.
 *
 * @param named the user's `core.excludesFile`. Default: `git/ignore` in the user's folder of settings
 */
export async function ignoreFileOf(named: string | undefined, { env, home, uid }: Reader): Promise<UserIgnore> {
  if (named === '' || named === '/dev/null') return {};
  const path = named === undefined ? join(env.XDG_CONFIG_HOME || join(home, '.config'), 'git/ignore') : at(named, home);
  if (path === undefined)
    return { problem: `core.excludesFile is ${quote(named)}; write a path that begins with / or ~/` };
  try {
    // As for the configuration, only links of the process's own user are followed.
    const real = uid === undefined ? await realpath(path) : path;
    if (!NAME.test(basename(real))) {
      return { problem: `${quote(real)} has neither 'ignore' nor 'exclude' in its name; give it such a name` };
    }
    const file = await openRegularFile(real);
    try {
      if (uid !== undefined && (await file.stat()).uid !== uid) {
        return { problem: `${quote(path)} does not belong to the owner of the repository` };
      }
      return { text: (await readHandle(file, { most: MOST_BYTES })).toString('utf8') };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return {};
    return { problem: `${quote(path)} cannot be read: ${inWords(error)}` };
  }
}

function at(named: string, home: string): string | undefined {
  if (named.startsWith('~/')) return join(home, named.slice(2));
  return named.startsWith('/') ? named : undefined;
}
