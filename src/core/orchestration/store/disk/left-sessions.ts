import { lstatSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { SessionFolder } from '../../contract/session-folder.js';
import type { UnifiedSession } from '../../session/record.js';
import { isTerminal } from '../../session/status.js';
import { messageOf, quote, systemCode } from '../../util/errors.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { readOwnFile, readOwnFileSync, requireOwnFolder } from '../../util/fs/own-file.js';
import { restoredRecord, type StoredRecord, storedRecordSchema } from './stored-record.js';
import { type StoredSpec, storedSpecSchema } from './stored-spec.js';

/** What an earlier manager has left of a session. */
export interface LeftSession {
  readonly id: string;
  readonly folder: SessionFolder;
  /** `unread`: the session has ended, and was asked for without its specification. */
  readonly spec: StoredSpec | Unreadable | 'unread';
  readonly record: StoredRecord | Unreadable;
  /** True if anything was written to the session's log. */
  readonly hasLog: boolean;
  /** Why none of the session's files are read: somebody else may have written them. */
  readonly distrusted?: string;
}

/** There is no such file, or this version cannot read it. */
type Unreadable = 'missing' | 'damaged';

/** The form of the ids that the manager makes. Nothing else in the folder is a session. */
const ID = /^[0-9a-z]{12}$/;
/** Large enough: a record is bounded, and people write prompts themselves. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The ids of all sessions in a state folder. @throws OrchestrationError `STATE_NOT_WRITABLE` */
export async function leftIds(stateDir: string): Promise<string[]> {
  const folder = join(stateDir, 'sessions');
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw notWritable(folder, error);
  });
  return entries.filter((entry) => entry.isDirectory() && ID.test(entry.name)).map(({ name }) => name);
}

/** Only a few at a time, because there may be thousands, and each is read into memory. */
const AT_ONCE = 8;

/**
 * Reads sessions, a few at a time. If the system refuses to read a session now, the session is distrusted, so it stays as it is.
 *
 * @param skipsSpec as for {@link leftSession}. Default: true for a session that has ended and does not work alone
 */
export async function* leftSessions(
  stateDir: string,
  ids: readonly string[],
  skipsSpec: (record: StoredRecord) => boolean = canWait,
): AsyncGenerator<LeftSession> {
  const read = (id: string): Promise<LeftSession> =>
    leftSession(stateDir, id, skipsSpec).catch((error: unknown) => {
      const why = `its files cannot be read now: ${messageOf(error)}`;
      return distrustedSession(new SessionFolder(stateDir, id), id, why);
    });
  for (let at = 0; at < ids.length; at += AT_ONCE) yield* await Promise.all(ids.slice(at, at + AT_ONCE).map(read));
}

/** The option `detached` of a session depends on its policy, which is in the specification. */
function canWait({ session: { status, detached } }: StoredRecord): boolean {
  return isTerminal(status) && !detached;
}

function distrustedSession(folder: SessionFolder, id: string, distrusted: string): LeftSession {
  return { id, folder, spec: 'damaged', record: 'damaged', hasLog: false, distrusted };
}

/**
 * Reads a session.
 *
 * @param skipsSpec true for a record whose specification need not be read. Default: false for every record
 * @throws an error of the system, such as that of too many open files. It says nothing about the session
 */
export async function leftSession(
  stateDir: string,
  id: string,
  skipsSpec: (record: StoredRecord) => boolean = () => false,
): Promise<LeftSession> {
  const folder = new SessionFolder(stateDir, id);
  const distrusted = distrust(folder.path);
  if (distrusted !== undefined) return distrustedSession(folder, id, distrusted);
  const found = await readJson<StoredRecord>(folder.record, storedRecordSchema());
  const record = typeof found === 'object' && found.session.id !== id ? 'damaged' : found;
  if (typeof record === 'object' && skipsSpec(record)) return { id, folder, spec: 'unread', record, hasLog: true };
  const [spec, log] = await Promise.all([
    readJson<StoredSpec>(folder.spec, storedSpecSchema()),
    lstat(folder.log).catch(() => undefined),
  ]);
  return {
    id,
    folder,
    spec: typeof spec === 'object' && spec.spec.id !== id ? 'damaged' : spec,
    record,
    hasLog: (log?.size ?? 0) > 0,
  };
}

/** True if somebody has removed a session's folder. False if the folders of all sessions are gone: then a disk may be missing. */
export function isGone({ path }: SessionFolder): boolean {
  try {
    requireOwnFolder(dirname(path));
  } catch {
    return false;
  }
  try {
    lstatSync(path);
    return false;
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}

/** The record of an ended session, read at once. @throws Error that names the file, and says what the user can do */
export function readEndedRecord(stateDir: string, id: string): UnifiedSession {
  const folder = new SessionFolder(stateDir, id);
  const { path, record } = folder;
  let next = "Put the file back, or remove the session's folder and then call remove() for the session.";
  try {
    requireOwnFolder(path);
    const stored: unknown = JSON.parse(readOwnFileSync(record, { most: MOST_BYTES }));
    if (!storedRecordSchema().safeParse(stored).success) throw new Error('it is not a record of this version');
    const session = restoredRecord(stored as StoredRecord);
    if (session.id === id && isTerminal(session.status)) return session;
    if (session.id !== id) throw new Error('it is of another session');
    next = 'Another process has continued it, so ask the manager of that process, and leave the files as they are.';
    throw new Error('the session has not ended there');
  } catch (error) {
    const code = systemCode(error);
    if (isGone(folder))
      next = "Somebody has removed the session's folder. Once you call remove(), it is not listed any more.";
    else if (code !== undefined && code !== 'ENOENT')
      next = 'The session is still there: remove the cause, then call again.';
    throw new Error(`${quote(record)}: ${messageOf(error)}. ${next}`);
  }
}

/** A person who can write to the folder decides what the session's containers mount and run. */
function distrust(path: string): string | undefined {
  try {
    requireOwnFolder(path);
    return undefined;
  } catch (error) {
    return `its folder cannot be trusted: ${notWritable(path, error).message}`;
  }
}

/** @throws an error of the system other than that the file is missing */
async function readJson<T>(path: string, schema: z.ZodType): Promise<T | Unreadable> {
  try {
    const value: unknown = JSON.parse(await readOwnFile(path, { most: MOST_BYTES }));
    return schema.safeParse(value).success ? (value as T) : 'damaged';
  } catch (error) {
    const code = systemCode(error);
    if (code !== undefined && code !== 'ENOENT') throw error;
    return code === 'ENOENT' ? 'missing' : 'damaged';
  }
}
