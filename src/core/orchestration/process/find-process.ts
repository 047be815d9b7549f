import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { type ProcessIdentity, processIdentity } from './process-identity.js';

/**
 * Finds a process of this user, outside of containers, by an option in its command line that no other process of ours has.
 * Linux only: on other systems nothing is found.
 */
export async function findProcess(option: string, value: string): Promise<ProcessIdentity | undefined> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => undefined);
  const entries = await readdir('/proc').catch(() => []);
  for (const entry of entries) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const words = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (!words.some((word, index) => word === option && words[index + 1] === value)) continue;
    const owner = await stat(`/proc/${entry}`).catch(() => undefined);
    if (owner?.uid !== process.getuid?.()) continue;
    if ((await readlink(`/proc/${entry}/ns/pid`).catch(() => undefined)) !== namespace) continue;
    const identity = await processIdentity(Number(entry));
    if (identity) return identity;
  }
  return undefined;
}
