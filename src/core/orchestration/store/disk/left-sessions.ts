import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
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

/** Reads sessions, a few at a time. Of a session that has ended and does not work alone, only the record is read. */
export async function* leftSessions(stateDir: string, ids: readonly string[]): AsyncGenerator<LeftSession> {
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    yield* await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => leftSession(stateDir, id, canWait)));
  }
}

/** The option `detached` of a session depends on its policy, which is in the specification. */
function canWait({ session: { status, detached } }: StoredRecord): boolean {
  return isTerminal(status) && !detached;
}

/** Reads a session. @param skipsSpec true for a record whose specification need not be read. Default: false for every record */
export async function leftSession(
  stateDir: string,
  id: string,
  skipsSpec: (record: StoredRecord) => boolean = () => false,
): Promise<LeftSession> {
  const folder = new SessionFolder(stateDir, id);
  const distrusted = distrust(folder.path);
  if (distrusted !== undefined) return { id, folder, spec: 'damaged', record: 'damaged', hasLog: false, distrusted };
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

/** The record of an ended session, read at once. @throws Error that names the file */
export function readEndedRecord(stateDir: string, id: string): UnifiedSession {
  const { path, record } = new SessionFolder(stateDir, id);
  try {
    requireOwnFolder(path);
    const stored: unknown = JSON.parse(readOwnFileSync(record, { most: MOST_BYTES }));
    if (!storedRecordSchema().safeParse(stored).success) throw new Error('it is not a record of this version');
    const session = restoredRecord(stored as StoredRecord);
    if (session.id === id && isTerminal(session.status)) return session;
    throw new Error(session.id === id ? 'the session has not ended there' : 'it is of another session');
  } catch (error) {
    throw new Error(`${quote(record)}: ${messageOf(error)}. Put the file back, or remove the session's folder.`);
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

async function readJson<T>(path: string, schema: z.ZodType): Promise<T | Unreadable> {
  try {
    const value: unknown = JSON.parse(await readOwnFile(path, { most: MOST_BYTES }));
    return schema.safeParse(value).success ? (value as T) : 'damaged';
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'missing' : 'damaged';
  }
}
