import { lstat, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { readRegularFile } from '../../util/fs/regular-file.js';

const FOLDERS = ['objects', 'objects/info', 'objects/pack', 'refs', 'refs/heads', 'refs/remotes', 'refs/tags'];
const MORE_FOLDERS = ['worktrees', 'logs', 'logs/refs', 'lfs'];
const FILES = ['HEAD', 'config', 'packed-refs', 'shallow'];
const ALTERNATES = 'objects/info/alternates';
const MOST_BYTES = 1024 * 1024;

/**
 * Refuses a repository that uses something outside of its git folder: objects of another repository (`git clone --shared` or
 * `--reference`), or parts that are links. Nobody can tell if the user or an agent set this up, and containers do not get
 * anything outside.
 *
 * This check exists for its clear message. An agent can change the repository after the check. {@link withGitView} protects in
 * that case, too.
 *
 * @throws Error that names the part and what to do
 */
export async function refuseBorrowing(commonDir: string): Promise<void> {
  const real = await realpath(commonDir);
  if (real !== commonDir) throw new Error(`${commonDir} is reached through a link; the repository is at ${real}`);
  await Promise.all([
    ...[...FOLDERS, ...MORE_FOLDERS].map((name) => requireKind(join(commonDir, name), 'folder')),
    ...[...FILES, ALTERNATES].map((name) => requireKind(join(commonDir, name), 'file')),
  ]);
  const why = await borrowedObjects(commonDir);
  if (why !== undefined) throw new Error(why);
}

/** Why the objects of a repository are not all its own, and what to do. Undefined if they are. */
export async function borrowedObjects(commonDir: string): Promise<string | undefined> {
  const borrowed = await alternateOf(join(commonDir, ALTERNATES));
  if (borrowed === undefined) return undefined;
  return (
    `the repository borrows objects from ${quote(borrowed)}, as ${join(commonDir, ALTERNATES)} says. ` +
    "If that is your own doing, copy them with 'git repack -a -d' and then remove that file"
  );
}

async function requireKind(path: string, kind: 'folder' | 'file'): Promise<void> {
  const stats = await lstat(path).catch(ignoreMissing);
  if (!stats || (kind === 'folder' ? stats.isDirectory() : stats.isFile())) return;
  const target = stats.isSymbolicLink() ? ` but a link to ${quote(await readlink(path).catch(() => '?'))}` : '';
  throw new Error(`${path} is no ${kind}${target}. Put what belongs there in its place`);
}

/** The first folder that an alternates file names. Like git, this skips empty lines and comments. */
async function alternateOf(path: string): Promise<string | undefined> {
  const bytes = await readRegularFile(path, { most: MOST_BYTES })
    .catch(ignoreMissing)
    .catch((error: unknown) => {
      throw new Error(`${path} cannot be read: ${messageOf(error)}`);
    });
  return bytes
    ?.toString('utf8')
    .split('\n')
    .find((line) => line !== '' && !line.startsWith('#'));
}
