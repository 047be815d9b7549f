import { lstat, readlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { openRegularFile } from '../../util/fs/regular-file.js';
import { configOf, type GitLayout, gitPath, readGitFile, settingIn } from './layout.js';

/** Parts of a repository that a container gets, or of which it gets copies. */
const SHARED = [
  ...['config', 'packed-refs', 'objects', 'objects/info', 'objects/info/alternates'],
  ...['refs', 'logs', 'logs/refs'],
];
/** Parts of a checkout's own git folder in the place of which its session has something else. */
const OWN = ['hooks', 'commondir', 'gitdir', 'config.worktree'];

/** The extensions that git knows in `repositoryformatversion = 1`, except those that this library refuses elsewhere. */
const EXTENSIONS =
  /^extensions\.(noop|noop-v1|preciousobjects|partialclone|worktreeconfig|objectformat|compatobjectformat|refstorage|relativeworktrees)$/;

/** A hash, or the name of a ref. Git asks the same of a git folder. */
const HEAD = /^(ref:\s*refs\/|[0-9a-f]{40})/;
const PACKED_REF = /^(#.*|\^[0-9a-f]{40,64}|[0-9a-f]{40,64}\s.+|)$/;
/** The first bytes of an index, in a version that git knows. */
const INDEX = ['DIRC\0\0\0\x02', 'DIRC\0\0\0\x03', 'DIRC\0\0\0\x04'];

/**
 * Why git could not read a repository in a container, although the folders are there: a part is a link, or has a format that git
 * refuses. Git on the machine fails as well, except for the links.
 *
 * @param needsFiles false if the session gets a worktree of its own, so that the checkout itself is not mounted
 */
export async function unreadablePart(layout: GitLayout, needsFiles: boolean): Promise<string | undefined> {
  return (await linkedPart(layout, needsFiles)) ?? (await otherFormat(layout)) ?? (await damagedFile(layout));
}

async function linkedPart({ gitDir, commonDir }: GitLayout, needsFiles: boolean): Promise<string | undefined> {
  const own = needsFiles ? [...OWN, ...(gitDir === commonDir ? ['worktrees'] : [])] : [];
  const parts = [...SHARED.map((part) => join(commonDir, part)), ...own.map((part) => join(gitDir, part))];
  for (const path of parts) {
    if (!(await lstat(path).catch(ignoreMissing))?.isSymbolicLink()) continue;
    const target = await readlink(path);
    return `${quote(path)} is a link to ${quote(target)}, which a container does not follow. Replace the link by what it leads to, or clone the repository`;
  }
  if (gitDir !== commonDir) return undefined;
  const commondir = join(gitDir, 'commondir');
  const common = await gitPath(commondir);
  if (common === undefined || (common !== '' && resolve(gitDir, common) === gitDir)) return undefined;
  return `${quote(commondir)} leads git to ${quote(common)}. Remove it, unless you know what it is for`;
}

async function otherFormat({ commonDir }: GitLayout): Promise<string | undefined> {
  const entries = (await configOf(commonDir)) ?? [];
  const version = settingIn(entries, 'core.repositoryformatversion') ?? '0';
  const where = quote(join(commonDir, 'config'));
  if (!/^[01]$/.test(version)) {
    return `git would refuse its repository, because core.repositoryFormatVersion in ${where} is ${quote(version)}, not 0 or 1. Correct it`;
  }
  if (version === '0') return undefined; // Git then takes no notice of other extensions.
  const unknown = entries.find(({ name }) => name.startsWith('extensions.') && !EXTENSIONS.test(name));
  if (!unknown) return undefined;
  return `its repository needs ${unknown.name} (${where}), which git in a container may not know. Convert the repository, or clone it`;
}

async function damagedFile({ gitDir, commonDir }: GitLayout): Promise<string | undefined> {
  const path = join(gitDir, 'HEAD');
  const isLink = (await lstat(path).catch(ignoreMissing))?.isSymbolicLink();
  // Old releases of git made such links.
  const isGood = isLink ? (await readlink(path)).startsWith('refs/') : HEAD.test((await readGitFile(path)) ?? '');
  if (!isGood) {
    return `git cannot read ${quote(path)}, which should name a branch or a commit. Repair it, for example with 'git symbolic-ref HEAD refs/heads/main'`;
  }
  const refs = join(commonDir, 'packed-refs');
  // A file of more than a megabyte is not looked at.
  const bad = ((await readGitFile(refs)) ?? '').split('\n').find((line) => !PACKED_REF.test(line));
  if (bad !== undefined) return `git cannot read ${quote(refs)}: it has the line ${quote(bad.slice(0, 80))}. Repair it`;
  const index = join(gitDir, 'index');
  const start = await startOf(index);
  if (start === undefined || INDEX.includes(start)) return undefined;
  return `git cannot read ${quote(index)}. Remove it, and run 'git reset' in the checkout`;
}

/** The first eight bytes of a file. Undefined if there is no regular file. */
async function startOf(path: string): Promise<string | undefined> {
  const file = await openRegularFile(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
