import { constants, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SessionFolder } from '../../contract/session-folder.js';
import type { Outline } from '../../session/outline.js';
import { isTerminal, type SessionStatus } from '../../session/status.js';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import { openOwnFile, readOwnFile, requireOwnFolder } from '../../util/fs/own-file.js';
import { serialized } from '../../util/serialized.js';
import { Turns } from '../../util/turns.js';

/** Half a million sessions. A longer file is not read, and made anew. */
const MOST_BYTES = 256 * 1024 * 1024;
/** The file is written anew when most of its lines are out of date, and there are more than so many of these. */
const MOST_OLD_LINES = 2_000;

/** What is known of an ended session without its record. */
export interface EndedEntry {
  readonly outline: Outline;
  /** As in the record. */
  readonly ticket: number;
  readonly account?: string;
}

/** Tells the very file from any other one that may be at its path later. */
type Stamp = readonly [ino: number, size: number, mtimeMs: number, ctimeMs: number];

interface Line extends EndedEntry {
  readonly stamp: Stamp;
}

/**
 * A file that tells the next process about the ended sessions that have left memory, so that it need not read all their records. It
 * is only a hint. A line counts only while the record is the very file that it was. If a line or the file is missing, the records
 * are read.
 */
export class EndedIndex {
  readonly #stateDir: string;
  readonly #write = serialized();
  readonly #stillThere: (id: string) => boolean;
  #unwritten: string[] = [];
  /** How many lines the file may have until it is written anew. */
  #room = MOST_OLD_LINES;

  /** @param stillThere true if a session is there, and its record is on the disk only */
  constructor(stateDir: string, stillThere: (id: string) => boolean) {
    this.#stateDir = stateDir;
    this.#stillThere = stillThere;
  }

  /** What the file says, for the sessions whose records have not changed since. Never rejects. */
  async read(ids: readonly string[]): Promise<Map<string, EndedEntry>> {
    const found = new Map<string, EndedEntry>();
    const turns = new Turns();
    const lines = await this.#lines(turns);
    for (const id of ids) {
      const line = lines.get(id);
      if (line && isSame(line.stamp, stampOf(this.#stateDir, id))) found.set(id, line);
      if (turns.isOver) await turns.next();
    }
    return found;
  }

  /**
   * Adds a session whose record is on the disk as it is. Written in the background.
   *
   * @returns false if there is no such record
   */
  add({ outline, ticket, account }: EndedEntry): boolean {
    const stamp = stampOf(this.#stateDir, outline.id);
    if (!stamp) return false;
    if (this.#unwritten.push(JSON.stringify({ outline, ticket, account, stamp })) > 1) return true;
    void this.#write(() => this.#append()).catch(() => {}); // It is only a hint.
    return true;
  }

  /** Resolves when nothing is written any more. */
  async settled(): Promise<void> {
    await this.#write(async () => {}).catch(() => {});
  }

  get #file(): string {
    return join(this.#stateDir, 'ended.jsonl');
  }

  async #append(): Promise<void> {
    const lines = this.#unwritten;
    this.#unwritten = [];
    this.#room -= lines.length;
    const { O_WRONLY, O_APPEND, O_CREAT } = constants;
    const file = await openOwnFile(this.#file, { flags: O_WRONLY | O_APPEND | O_CREAT, mode: 0o600 });
    try {
      // An earlier process may have died within a line.
      await file.appendFile(`\n${lines.join('\n')}\n`);
    } finally {
      await file.close();
    }
    if (this.#room < 0) await this.#writeAnew();
  }

  /** Leaves out what is out of date. */
  async #writeAnew(): Promise<void> {
    const turns = new Turns();
    const texts: string[] = [];
    for (const [id, line] of await this.#lines(turns)) {
      if (this.#stillThere(id)) texts.push(`${JSON.stringify(line)}\n`);
      if (turns.isOver) await turns.next();
    }
    this.#room = Math.max(MOST_OLD_LINES, texts.length);
    await writeAtomically(this.#file, texts.join(''));
  }

  /** The last line of each session. */
  async #lines(turns: Turns): Promise<Map<string, Line>> {
    const lines = new Map<string, Line>();
    const text = await readOwnFile(this.#file, { most: MOST_BYTES }).catch(() => '');
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      const line = parsed(text.slice(start, end));
      if (line) lines.set(line.outline.id, line);
      start = end + 1;
      if (turns.isOver) await turns.next();
    }
    return lines;
  }
}

/** Undefined for what is no line of this version. Nobody but this library writes the file. */
function parsed(text: string): Line | undefined {
  if (text === '') return undefined;
  try {
    const { outline, ticket, account, stamp } = JSON.parse(text) as Line;
    const isTexts = [outline.id, outline.mode, outline.status].every((value) => typeof value === 'string');
    const isNumbers = [ticket, outline.createdAt, ...stamp].every((value) => typeof value === 'number');
    const isEnded = isTerminal(outline.status as SessionStatus) && typeof outline.endedAt === 'number';
    const isLine = isTexts && isNumbers && isEnded && stamp.length === 4;
    return isLine ? { outline, ticket, stamp, ...(typeof account === 'string' && { account }) } : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined if there is no such file in a folder of the library's own. */
function stampOf(stateDir: string, id: string): Stamp | undefined {
  const { record } = new SessionFolder(stateDir, id);
  try {
    requireOwnFolder(dirname(record));
    const stats = lstatSync(record);
    return stats.isFile() ? [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs] : undefined;
  } catch {
    return undefined;
  }
}

function isSame(stamp: Stamp, now: Stamp | undefined): boolean {
  return now !== undefined && stamp.every((value, index) => value === now[index]);
}
