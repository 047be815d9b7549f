import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from './child.js';

/**
 * Watches the children of another process from outside, so that children which block that process are seen as well. When told
 * to stop, answers the command of each child except itself.
 */
const [parent] = process.argv.slice(2);
const seen = new Map<string, string>();
let stopped = false;
process.once('message', () => {
  stopped = true;
});

function children(): string[] {
  return readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1').split(' ').filter(Boolean);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(0, 60).trim();
  } catch {
    return 'gone';
  }
}

const before = new Set(children());
process.send?.('watching');
while (!stopped) {
  for (const pid of children()) if (!before.has(pid)) seen.set(pid, commandOf(pid) || seen.get(pid) || 'gone');
  await delay(2);
}
answer([...seen.values()]);
