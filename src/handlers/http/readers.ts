import { setImmediate } from 'node:timers/promises';
import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { cutConnection } from './connection.js';

/** How many answers may be made or read at once, including event streams. */
const MOST_READERS = 64;
/**
 * How many characters of all answers together may wait in memory until they are read. A single answer may be longer, if no
 * other answer waits.
 */
const MOST_HELD = 32 * 2 ** 20;
/**
 * How many characters a server gets to write at once. If an answer is made piece by piece, a slow reader keeps no more than
 * this in memory.
 */
export const PIECE_CHARACTERS = 64 * 1024;
/** An answer that was not read within this time is cut off. An event stream as a whole is not, because it has no end. */
const READ_WITHIN_MS = 60_000;

const JSON_TYPE = { 'Content-Type': 'application/json' };
const TRY_LATER = { 'Retry-After': '1' };

/** The text of an answer, piece by piece. Each piece is requested when the previous one has been read. */
export type Pieces = Iterator<string> | AsyncIterator<string>;

/** The reader of one answer. */
export interface Reader {
  /** Aborted when nobody reads any more. */
  readonly gone: AbortSignal;
  /**
   * Counts characters that stay in memory for this reader. They count until the returned function is called, or until the
   * reader is gone. A reader that has not read them within a minute is cut off.
   *
   * @returns a function to call when the characters have been read
   */
  hold(characters: number): () => void;
}

/** All readers of an app's answers. Limits how many read at once, and how much memory they take together. */
export class Readers {
  #readers = 0;
  #held = 0;

  /** Counts requests that only read, while they are answered. Answers 503 if there are too many readers already. */
  readonly counted: MiddlewareHandler = createMiddleware(async (context, next) => {
    if (!['GET', 'HEAD'].includes(context.req.method)) return next();
    if (this.#readers >= MOST_READERS) {
      return context.json({ success: false, error: `${MOST_READERS} readers are connected already.` }, 503, TRY_LATER);
    }
    this.#readers++;
    try {
      await next();
    } finally {
      this.#readers--;
    }
  });

  /**
   * Answers with JSON. A long text is written piece by piece. If too much already waits to be read, a request that only reads
   * gets 503 instead.
   */
  json(context: Context, text: string, status: 200 | 201 = 200): Response {
    if (text.length <= PIECE_CHARACTERS) return context.body(text, status, JSON_TYPE);
    // Only a request that reads can be repeated. Any other request has been carried out by now, and must get its answer.
    if (context.req.method === 'GET' && !this.hasRoomFor(text.length)) return this.#full(context);
    return this.stream(
      context,
      (reader) => {
        reader.hold(text.length);
        return piecesOf(text);
      },
      JSON_TYPE,
      status,
    );
  }

  /** Answers with data that are JSON already, and that are made while they are read. */
  jsonOf(context: Context, data: Iterable<string>): Response {
    if (!this.hasRoomFor(PIECE_CHARACTERS)) return this.#full(context);
    function* pieces(reader: Reader): Generator<string> {
      reader.hold(PIECE_CHARACTERS);
      yield '{"success":true,"data":';
      yield* data;
      yield '}';
    }
    return this.stream(context, pieces, JSON_TYPE);
  }

  /** The answer to a reader for whom there is no memory left. */
  #full(context: Context): Response {
    const error = 'Other readers have not read their answers yet; try again later.';
    return context.json({ success: false, error }, 503, TRY_LATER);
  }

  /** True if an answer may be kept in memory until it is read. */
  hasRoomFor(characters: number): boolean {
    return this.#held === 0 || this.#held + characters <= MOST_HELD;
  }

  /** Answers in pieces, one at a time. Counts as a reader until the last piece is taken, or until the reader is gone. */
  stream(
    context: Context,
    piecesFor: (reader: Reader) => Pieces,
    headers: Record<string, string>,
    status: 200 | 201 = 200,
  ): Response {
    // Nobody would read the body, so the stream would never end.
    if (context.req.method === 'HEAD') return context.body(null, status, headers);
    const gone = new AbortController();
    this.#readers++;
    gone.signal.addEventListener('abort', () => this.#readers--, { once: true });
    const leave = (): void => gone.abort();
    // Some servers do not cancel the body when the client is gone. They abort this signal instead.
    const { signal } = context.req.raw;
    signal.addEventListener('abort', leave, { signal: gone.signal });
    if (signal.aborted) leave();
    const encoder = new TextEncoder();
    let pieces: Pieces;
    let begun = false;
    // One piece waits to be taken. When it was taken, the next one is requested.
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const cut = (): void => {
          if (gone.signal.aborted) return;
          leave();
          if (!cutConnection(context)) controller.error(new Error('The answer was not read in time.'));
        };
        pieces = piecesFor({ gone: gone.signal, hold: (characters) => this.#hold(characters, gone.signal, cut) });
      },
      async pull(controller) {
        try {
          // Without this pause, a fast reader would keep the event loop busy until the whole answer is written.
          if (begun) await setImmediate();
          begun = true;
          const { done, value } = await pieces.next();
          if (gone.signal.aborted) return;
          if (done !== true) return controller.enqueue(encoder.encode(value));
          leave();
          controller.close();
        } catch (error) {
          leave();
          if (!cutConnection(context)) throw error;
        }
      },
      cancel: leave,
    });
    return context.body(body, status, headers);
  }

  #hold(characters: number, gone: AbortSignal, cut: () => void): () => void {
    this.#held += characters;
    const timer = setTimeout(cut, READ_WITHIN_MS);
    timer.unref();
    const read = new AbortController();
    const release = (): void => {
      if (read.signal.aborted) return;
      read.abort();
      clearTimeout(timer);
      this.#held -= characters;
    };
    gone.addEventListener('abort', release, { signal: read.signal });
    return release;
  }
}

/** Splits a text into pieces. No piece ends inside a character that takes two UTF-16 units. */
export function* piecesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + PIECE_CHARACTERS, text.length);
    if (to < text.length && /[\ud800-\udbff]/.test(text.charAt(to - 1))) to--;
    yield text.slice(from, to);
    from = to;
  }
}
