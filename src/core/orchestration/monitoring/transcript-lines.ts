import type { FileHandle } from 'node:fs/promises';
import { CallWords } from './call-words.js';
import { MOST_LINE_BYTES } from './line-splitter.js';
import { readPart } from './transcript-file.js';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** A transcript as it is now. */
export interface TranscriptState {
  /** Its name, by which it is recognised in the next call. */
  readonly name: string;
  readonly file: FileHandle;
  /** In bytes. */
  readonly size: number;
}

/** What comes next in a transcript. `read` says how many bytes were read to find this out. */
export type NextLines =
  /** Complete lines with their ends. */
  | { readonly kind: 'lines'; readonly bytes: Buffer; readonly read: number }
  /** A part of a line whose end was not found yet. */
  | { readonly kind: 'part'; readonly read: number }
  /** A line that is too long and cannot carry a tool call. `to` is its end in the transcript. */
  | { readonly kind: 'skipped'; readonly to: number; readonly read: number }
  /** Something that Claude never writes, or a line about a tool call that is too long. */
  | { readonly kind: 'refused'; readonly read: number }
  /** No complete line. */
  | { readonly kind: 'end' };

/**
 * Finds the complete lines of growing transcripts, and searches no byte twice for the end of a line. An agent can write to its
 * transcripts, so a line may be longer than any line of Claude's, and a file may have a hole of terabytes.
 */
export class TranscriptLines {
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  /** Up to where a transcript was searched for the end of the line that begins at `line`. */
  readonly #searched = new Map<string, { line: number; to: number; words: CallWords }>();
  readonly #refused = new Set<string>();

  /** Up to where a transcript was searched for the end of the line that begins at `line`, in bytes. */
  searchedTo(name: string, line: number, size: number): number {
    const searched = this.#searched.get(name);
    return searched?.line === line && searched.to <= size ? searched.to : line;
  }

  /** True if a transcript holds what Claude never writes. Nothing is read of it then. */
  isRefused(name: string): boolean {
    return this.#refused.has(name);
  }

  /** Called when another file is in the place of this transcript. */
  forget(name: string): void {
    this.#searched.delete(name);
    this.#refused.delete(name);
  }

  /**
   * Reads one chunk, and all of a line that ends in this chunk. The bytes are valid until the next call.
   *
   * @param line where the next line begins, in bytes
   */
  async next({ name, file, size }: TranscriptState, line: number): Promise<NextLines> {
    const from = this.searchedTo(name, line, size);
    if (from >= size) return { kind: 'end' };
    const { bytesRead: read } = await file.read(this.#buffer, 0, Math.min(CHUNK_BYTES, size - from), from);
    if (read === 0) return { kind: 'end' }; // The transcript was cut short since its size was asked for.
    const chunk = this.#buffer.subarray(0, read);
    // A hole in the file: JSON has no such character.
    const hole = chunk.indexOf(0);
    const text = hole < 0 ? chunk : chunk.subarray(0, hole);
    const end = 1 + (from === line ? text.lastIndexOf(NEWLINE) : text.indexOf(NEWLINE));
    if (end > 0 && from === line) return { kind: 'lines', bytes: text.subarray(0, end), read };
    const words = from === line ? new CallWords() : (this.#searched.get(name)?.words ?? new CallWords());
    words.add(text.toString('latin1', 0, end > 0 ? end : undefined));
    const isLong = from + (end > 0 ? end : read) - line > MOST_LINE_BYTES;
    if (end > 0 && isLong && !words.found) return { kind: 'skipped', to: from + end, read };
    if (end > 0 && !isLong) {
      const bytes = await readPart(file, line, from + end);
      return { kind: 'lines', bytes, read: read + bytes.length };
    }
    if (hole >= 0 || (isLong && words.found)) {
      this.#refused.add(name);
      return { kind: 'refused', read };
    }
    this.#searched.set(name, { line, to: from + read, words });
    return { kind: 'part', read };
  }

  /** The last line of a transcript, if it has no end; otherwise no bytes. Called when there are no complete lines left. */
  async unfinished({ name, file, size }: TranscriptState, line: number): Promise<Buffer> {
    const isSearched = this.searchedTo(name, line, size) >= size;
    const isShort = size - line <= MOST_LINE_BYTES;
    return isSearched && isShort && line < size ? readPart(file, line, size) : Buffer.alloc(0);
  }
}
