import { execFile } from 'node:child_process';
import { open, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { z } from 'zod';
import { systemCode } from '../util/errors.js';
import { lazily } from '../util/zod.js';

const run = promisify(execFile);

/**
 * The space in which a pid is unique: one boot of one kernel, and in that boot one pid namespace. Neither changes while a
 * process lives.
 */
export interface PidSpace {
  /** Linux only. */
  readonly bootId?: string;
  /** Linux only: `pid:[…]`. Each container has another one. */
  readonly pidNamespace?: string;
}

/** Identifies a process beyond its pid, because the system later gives the same pid to another process. Plain JSON. */
export interface ProcessIdentity extends PidSpace {
  readonly pid: number;
  /** When the process began, in the system's own notation, suitable only for comparison. Empty if the system does not tell. */
  readonly startedAt: string;
}

/**
 * The form of an identity in a file. A pid of zero or less is refused, because it would stand for a whole group of processes.
 */
export const processIdentitySchema = lazily(
  (z) =>
    z.object({
      pid: z.int().positive(),
      startedAt: z.string(),
      bootId: z.string().exactOptional(),
      pidNamespace: z.string().exactOptional(),
    }) satisfies z.ZodType<ProcessIdentity>,
);

/** The space of this process. A caller that polls reads the space once and passes it to {@link isAlive}. */
export async function pidSpace(): Promise<PidSpace> {
  if (process.platform !== 'linux') return {};
  const [bootId, pidNamespace] = await Promise.all([
    unlessHidden(readFile('/proc/sys/kernel/random/boot_id', 'latin1')),
    unlessHidden(readlink('/proc/self/ns/pid')),
  ]);
  return { ...(bootId && { bootId: bootId.trim() }), ...(pidNamespace && { pidNamespace }) };
}

/**
 * The identity of a process in our own space. Undefined if there is no such process, or only a zombie that its parent has not
 * reaped yet.
 */
export async function processIdentity(pid: number, here?: PidSpace): Promise<ProcessIdentity | undefined> {
  const startedAt = await startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt, ...(here ?? (await pidSpace())) };
}

/**
 * True if that very process may still run. False only if it has certainly ended. A process of another container cannot be
 * examined, so it counts as alive until the next boot.
 */
export async function isAlive(identity: ProcessIdentity, here?: PidSpace): Promise<boolean> {
  const { bootId, pidNamespace } = here ?? (await pidSpace());
  if (differ(identity.bootId, bootId)) return false;
  if (differ(identity.pidNamespace, pidNamespace)) return true;
  const startedAt = await startOf(identity.pid);
  return startedAt !== undefined && !differ(identity.startedAt, startedAt);
}

/**
 * True if a process may be signalled, because it certainly runs and is certainly that very process.
 *
 * @throws Error if this cannot be determined, for example because our process cannot open more files
 */
export async function isSurelyAlive(identity: ProcessIdentity): Promise<boolean> {
  const here = await pidSpace();
  const same = identity.bootId === here.bootId && identity.pidNamespace === here.pidNamespace;
  return same && identity.startedAt !== '' && isAlive(identity, here);
}

/** True if two values are known to be different. If one is missing, they are not known to be different. */
function differ(one: string | undefined, other: string | undefined): boolean {
  return Boolean(one && other && one !== other);
}

/**
 * The start of the process with this pid. Empty if there is such a process but nothing more is known. Undefined if there is
 * none.
 */
async function startOf(pid: number): Promise<string | undefined> {
  const seen = await (process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid));
  if (seen === 'zombie') return undefined;
  // If the system says nothing about a process, then the process may be hidden from us (hidepid), or `ps` may not work.
  return seen ?? (exists(pid) ? '' : undefined);
}

/** In clock ticks since the boot. */
async function startFromProc(pid: number): Promise<string | undefined> {
  // This takes half the time of readFile(), and we don't need the whole line.
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
  // The second field is the name of the process in parentheses. The name itself may contain any characters.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return isDead(fields[0]) ? 'zombie' : fields[19];
}

async function startFromPs(pid: number): Promise<string | undefined> {
  try {
    // Without these variables, the date would be in the time zone and language of our process.
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

/**
 * Undefined if the system has no such file, or hides it. Any other failure is thrown, because it must not be mistaken for a
 * missing file.
 */
async function unlessHidden(text: Promise<string>): Promise<string | undefined> {
  try {
    return await text;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
