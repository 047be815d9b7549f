import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { SessionFolder } from '../../contract/session-folder.js';
import { systemCode } from '../../util/errors.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { readOwnFile, requireOwnFolder } from '../../util/fs/own-file.js';
import { type StoredRecord, storedRecordSchema } from './stored-record.js';
import { type StoredSpec, storedSpecSchema } from './stored-spec.js';

/** What an earlier manager has left of a session. */
export interface LeftSession {
  readonly id: string;
  readonly folder: SessionFolder;
  readonly spec: StoredSpec | Unreadable;
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

/** All sessions in a state folder. @throws OrchestrationError `STATE_NOT_WRITABLE` */
export async function leftSessions(stateDir: string): Promise<LeftSession[]> {
  const folder = join(stateDir, 'sessions');
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw notWritable(folder, error);
  });
  const ids = entries.filter((entry) => entry.isDirectory() && ID.test(entry.name)).map(({ name }) => name);
  const left: LeftSession[] = [];
  // Only a few at a time, because there may be thousands, and each is read into memory.
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    left.push(...(await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => read(stateDir, id)))));
  }
  return left;
}

const AT_ONCE = 16;

async function read(stateDir: string, id: string): Promise<LeftSession> {
  const folder = new SessionFolder(stateDir, id);
  const distrusted = distrust(folder.path);
  if (distrusted !== undefined) return { id, folder, spec: 'damaged', record: 'damaged', hasLog: false, distrusted };
  const [spec, record, log] = await Promise.all([
    readJson<StoredSpec>(folder.spec, storedSpecSchema()),
    readJson<StoredRecord>(folder.record, storedRecordSchema()),
    lstat(folder.log).catch(() => undefined),
  ]);
  return {
    id,
    folder,
    spec: typeof spec === 'object' && spec.spec.id !== id ? 'damaged' : spec,
    record: typeof record === 'object' && record.session.id !== id ? 'damaged' : record,
    hasLog: (log?.size ?? 0) > 0,
  };
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
