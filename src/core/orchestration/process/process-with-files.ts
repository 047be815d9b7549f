import { readdir, readFile, stat } from 'node:fs/promises';
import type { LaunchFiles } from './launch-files.js';
import { type ProcessIdentity, processIdentity } from './process-identity.js';

/**
 * Finds the process that leads a process group and has these open files as its standard input and output. Each run has an input
 * file of its own, so at most one process has them. Linux only: on other systems nothing is found.
 */
export async function processWithFiles({ input, log }: LaunchFiles): Promise<ProcessIdentity | undefined> {
  const wanted = (await Promise.all([input.stat(), log.stat()])).map(({ dev, ino }) => `${dev}:${ino}`).join();
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const found = await Promise.all([0, 1].map((fd) => stat(`/proc/${pid}/fd/${fd}`))).catch(() => []);
    if (found.map(({ dev, ino }) => `${dev}:${ino}`).join() !== wanted || !(await leadsGroup(pid))) continue;
    const identity = await processIdentity(Number(pid));
    if (identity) return identity;
  }
  return undefined;
}

async function leadsGroup(pid: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // After the name in parentheses: the state, the parent, the process group.
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[2] === pid;
}
