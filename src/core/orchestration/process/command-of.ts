import { readFile } from 'node:fs/promises';

/** The command line of a process, for messages. Undefined if the system does not tell. */
export async function commandOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return text.split('\0').join(' ').trim() || undefined;
  } catch {
    return undefined; // On other systems than Linux there is no such file.
  }
}
