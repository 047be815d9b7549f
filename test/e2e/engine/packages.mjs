import { existsSync } from 'node:fs';
import { run } from './run.mjs';

const BINARY_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** @typedef {{ file: string, debianPackage: string }} Needed A package, and a file that proves that it is installed. */

/** @param {string} file */
const isThere = (file) =>
  file.startsWith('/') ? existsSync(file) : BINARY_FOLDERS.some((folder) => existsSync(`${folder}/${file}`));

/** @param {readonly Needed[]} needed */
export const missingPackages = (needed) =>
  needed.filter(({ file }) => !isThere(file)).map(({ debianPackage }) => debianPackage);

/**
 * Installs the missing Debian packages. Does nothing if none is missing.
 *
 * @param {readonly Needed[]} needed
 * @param {(message: string) => void} log
 */
export async function installPackages(needed, log) {
  const missing = missingPackages(needed);
  if (missing.length === 0) return;
  if (!isThere('apt-get')) throw new Error(`no apt-get to install ${missing.join(', ')}: install them by hand`);
  log(`installing ${missing.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Another apt (a CI image's unattended upgrade) may hold the lock for a while.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  // An unreachable third-party source fails the update, although Debian's own lists are fresh. Only a failed install is an error.
  const update = await run('apt-get', [...wait, 'update'], { env }).catch((/** @type {Error} */ error) => error);
  try {
    await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...missing], { env });
  } catch (error) {
    const hint = update instanceof Error ? `\nand before it ${update.message}` : '';
    throw new Error(`apt could not install ${missing.join(', ')}: ${/** @type {Error} */ (error).message}${hint}`);
  }
}
