import { readdir, readFile } from 'node:fs/promises';
import { type ProcessIdentity, processIdentity } from './process-identity.js';

/**
 * A process of this user with a word in its command line, that no other has. Linux only: elsewhere nobody is found.
 */
export async function findProcess(word: string): Promise<ProcessIdentity | undefined> {
  const entries = await readdir('/proc').catch(() => []);
  for (const entry of entries) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (command.split('\0').includes(word)) return processIdentity(Number(entry));
  }
  return undefined;
}
