import { setImmediate } from 'node:timers/promises';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { parseGitConfig } from './config-file.js';
import { readGitFile } from './layout.js';

/** Parts of an index that git acts on without checking them when it reads the index. */
export interface IndexFacts {
  /** Paths of nested repositories. `git status` enters each of them. */
  gitlinks: string[];
  /** Paths that `git checkout .` would write inside `.git` or outside the checkout. */
  escapes: string[];
  /** Why the index could not be read to its end. */
  problem?: string;
}

/** For comparison: the index of the Linux kernel, with 90,000 files, has 9 MB. */
export const MOST_INDEX_BYTES = 64 * 1024 * 1024;
/** No repository has more gitlinks. */
const MOST_GITLINKS = 1000;
/** How many entries are read between two turns of the event loop. This takes less than a millisecond. */
const SLICE = 2000;

const STAT_BYTES = 40;
const MODE_AT = 24;
const GITLINK = 0o160000;
const EXTENDED = 0x4000;
const NAME_LENGTH = 0xfff;

/** The length of an object's name, according to the configuration: 20 bytes, or 32 in a repository with SHA-256. */
export async function hashBytes(commonDir: string): Promise<number> {
  const entries = parseGitConfig((await readGitFile(`${commonDir}/config`)) ?? '');
  return entries?.some(({ name, value }) => name === 'extensions.objectformat' && value === 'sha256') ? 32 : 20;
}

/**
 * Reads the parts of an index that matter here. Git is not run, and nothing in the file is trusted, because an agent may have
 * written it.
 *
 * @param hashLength see {@link hashBytes}
 * @throws Error if it is not a regular file, or too long
 */
export async function readIndex(path: string, hashLength: number): Promise<IndexFacts> {
  const bytes = await readRegularFile(path, { most: MOST_INDEX_BYTES });
  const facts: IndexFacts = { gitlinks: [], escapes: [] };
  const version = bytes.length < 12 ? 0 : bytes.readUInt32BE(4);
  if (bytes.toString('latin1', 0, 4) !== 'DIRC' || version < 2 || version > 4) {
    return { ...facts, problem: 'it is no index' };
  }
  const count = bytes.readUInt32BE(8);
  let at = 12;
  let previous: Buffer = Buffer.alloc(0);
  for (let entry = 0; entry < count; entry += 1) {
    if (entry % SLICE === SLICE - 1) await setImmediate();
    const flagsAt = at + STAT_BYTES + hashLength;
    if (flagsAt + 2 > bytes.length) return { ...facts, problem: 'it ends too early' };
    const flags = bytes.readUInt16BE(flagsAt);
    let nameAt = flagsAt + (version >= 3 && flags & EXTENDED ? 4 : 2);
    let kept = 0;
    if (version === 4) {
      const prefix = readVarint(bytes, nameAt);
      if (!prefix || prefix.value > previous.length) return { ...facts, problem: 'a name in it is broken' };
      kept = previous.length - prefix.value;
      nameAt = prefix.end;
    }
    // The flags give the length of a name, even if the name seems to end elsewhere. If we read it in another way, an entry
    // could hide.
    const length = flags & NAME_LENGTH;
    const nameEnd = length === NAME_LENGTH ? bytes.indexOf(0, nameAt) : nameAt + length - kept;
    if (nameEnd < nameAt || nameEnd >= bytes.length) return { ...facts, problem: 'a name in it is broken' };
    let name = bytes.subarray(nameAt, nameEnd);
    if (kept > 0) name = Buffer.concat([previous.subarray(0, kept), name]);
    previous = name;
    if (bytes.readUInt32BE(at + MODE_AT) === GITLINK) facts.gitlinks.push(name.toString('utf8'));
    if (isEscape(name)) facts.escapes.push(name.toString('utf8'));
    if (facts.gitlinks.length + facts.escapes.length > MOST_GITLINKS) {
      return { ...facts, problem: `it has more than ${MOST_GITLINKS} nested repositories` };
    }
    at = version === 4 ? nameEnd + 1 : at + Math.floor((nameEnd - at + 8) / 8) * 8;
  }
  return facts;
}

/** Git's own offset encoding in version 4 of the index. */
function readVarint(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 5; at += 1) {
    const byte = bytes[at] ?? 0;
    value = (at === from ? 0 : (value + 1) * 128) + (byte & 127);
    if (!(byte & 128)) return { value, end: at + 1 };
  }
  return undefined;
}

/** A quick check before the exact one. Hardly any path contains `.git/` or `../`, or begins with a slash. */
function isEscape(name: Buffer): boolean {
  if (name[0] !== 0x2f && name.indexOf('.') === -1) return false;
  return /^\/|(^|\/)(\.git|\.\.)(\/|$)/i.test(name.toString('latin1'));
}
