import { execFile } from 'node:child_process';
import { open, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { systemCode } from '../util/errors.js';

const run = promisify(execFile);

/** Where pids count: one boot of one kernel, and there one pid namespace. Neither changes while a process lives. */
export interface PidSpace {
  /** Linux only. */
  readonly bootId?: string;
  /** Linux only: `pid:[…]`, another one in each container. */
  readonly pidNamespace?: string;
}

/** A process beyond its pid, which the system gives to another one later. Plain JSON. */
export interface ProcessIdentity extends PidSpace {
  readonly pid: number;
  /** When it began, in the system's own notation and only to be compared; empty where the system does not tell. */
  readonly startedAt: string;
}

/** What a file has to hold for an identity. A pid of zero or less would stand for a whole group of processes. */
export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  startedAt: z.string(),
  bootId: z.string().exactOptional(),
  pidNamespace: z.string().exactOptional(),
}) satisfies z.ZodType<ProcessIdentity>;

/** The space of this process. A caller that polls reads it once and hands it to {@link isAlive}. */
export async function pidSpace(): Promise<PidSpace> {
  if (process.platform !== 'linux') return {};
  const [bootId, pidNamespace] = await Promise.all([
    unlessHidden(readFile('/proc/sys/kernel/random/boot_id', 'latin1')),
    unlessHidden(readlink('/proc/self/ns/pid')),
  ]);
  return { ...(bootId && { bootId: bootId.trim() }), ...(pidNamespace && { pidNamespace }) };
}

/** The identity of a process of our own space; undefined where there is none, or only what its parent has yet to reap. */
export async function processIdentity(pid: number, here?: PidSpace): Promise<ProcessIdentity | undefined> {
  const startedAt = await startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt, ...(here ?? (await pidSpace())) };
}

/**
 * Whether that very process still runs. False only where it is certain: a process of another container cannot be looked
 * at, and counts as alive until the next boot.
 */
export async function isAlive(identity: ProcessIdentity, here?: PidSpace): Promise<boolean> {
  const { bootId, pidNamespace } = here ?? (await pidSpace());
  if (differ(identity.bootId, bootId)) return false;
  if (differ(identity.pidNamespace, pidNamespace)) return true;
  const startedAt = await startOf(identity.pid);
  return startedAt !== undefined && !differ(identity.startedAt, startedAt);
}

/**
 * Whether a process may be signalled: it is certain that it runs, and that it is that very one.
 *
 * @throws Error where nobody can tell, while this host has no more files to open for example
 */
export async function isSurelyAlive(identity: ProcessIdentity): Promise<boolean> {
  const here = await pidSpace();
  const same = identity.bootId === here.bootId && identity.pidNamespace === here.pidNamespace;
  return same && identity.startedAt !== '' && isAlive(identity, here);
}

/** Whether two values are known to be different ones; where one is missing, nothing can be said. */
function differ(one: string | undefined, other: string | undefined): boolean {
  return Boolean(one && other && one !== other);
}

/** Empty where a process has this pid and no more is known; undefined where none has. */
async function startOf(pid: number): Promise<string | undefined> {
  const seen = await (process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid));
  if (seen === 'zombie') return undefined;
  // A process of which the system says nothing may also be hidden from us (hidepid), or `ps` does not work.
  return seen ?? (exists(pid) ? '' : undefined);
}

/** In clock ticks since the boot. */
async function startFromProc(pid: number): Promise<string | undefined> {
  // Half the time that readFile() takes, and the whole line is not needed.
  const buffer = Buffer.alloc(1024);
  let length: number;
  try {
    const file = await open(`/proc/${pid}/stat`);
    try {
      length = (await file.read(buffer, 0, buffer.length, 0)).bytesRead;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
  const line = buffer.toString('latin1', 0, length);
  // The second field is the process's name, in parentheses, which may hold anything itself.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return isDead(fields[0]) ? 'zombie' : fields[19];
}

async function startFromPs(pid: number): Promise<string | undefined> {
  try {
    // The date would otherwise be in the zone and language of whoever asks.
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const { stdout } = await run('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], { env });
    const [state, ...date] = stdout.trim().split(/\s+/);
    return isDead(state) ? 'zombie' : date.join(' ') || undefined;
  } catch {
    return undefined;
  }
}

function isDead(state: string | undefined): boolean {
  return state?.startsWith('Z') === true || state?.startsWith('X') === true;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/** Undefined where the system has no such file, or hides it. Any other failure is thrown, as it may not pass for that. */
async function unlessHidden(text: Promise<string>): Promise<string | undefined> {
  try {
    return await text;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
