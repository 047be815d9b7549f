import type { Socket } from 'node:net';
import { LineSplitter } from '../monitoring/line-splitter.js';

/** How long a line may be, in bytes. */
export interface JsonLinesLimits {
  readonly mostLineBytes: number;
  /** True if a line may have more values than `JsonValueCount` allows. To parse such a line takes long. */
  readonly dense: boolean;
}
/** How much may wait for a reader that does not read, in bytes. */
const MOST_UNREAD_BYTES = 32 * 1024 * 1024;

/** How long what waits may take to be read when the connection ends. */
const LAST_WORDS_MS = 1_000;

export interface JsonLinesListener {
  /** A message. If this throws, the connection is closed. */
  onMessage(message: unknown): void;
  /** Called once, whoever has closed the connection, and why. */
  onClose(): void;
}

/**
 * Messages as lines of JSON over a socket. A connection that sends what is no JSON, or a line without end, or that does not
 * read, is closed: nothing grows without bound.
 */
export class JsonLines {
  readonly #socket: Socket;

  constructor(socket: Socket, { mostLineBytes, dense }: JsonLinesLimits, { onMessage, onClose }: JsonLinesListener) {
    this.#socket = socket;
    const onLine = (line: string): void => {
      if (this.closed) return;
      try {
        onMessage(JSON.parse(line));
      } catch {
        this.close();
      }
    };
    const refuse = (): void => this.close();
    const lines = new LineSplitter({ onLine, onDense: dense ? onLine : refuse, onOversized: refuse }, mostLineBytes);
    socket.on('data', (chunk: Buffer) => lines.push(chunk));
    socket.on('error', () => {}); // `close` follows.
    socket.once('close', onClose);
  }

  send(message: object): void {
    this.write(`${JSON.stringify(message)}\n`);
  }

  /** @param line a line with its end */
  write(line: string): void {
    if (!this.#socket.writable) return;
    this.#socket.write(line);
    if (this.#socket.writableLength > MOST_UNREAD_BYTES) this.close();
  }

  /** Resolves when the other side has read enough that more can be sent, or when the connection is closed. */
  async drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        this.#socket.off('drain', settle);
        this.#socket.off('close', settle);
        resolve();
      };
      this.#socket.on('drain', settle);
      this.#socket.on('close', settle);
    });
  }

  /** True if the other side has read everything that the system lets wait. */
  get isRead(): boolean {
    return !this.#socket.writableNeedDrain;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends what waits, then closes. The other side may never read it. */
  end(): void {
    this.#socket.end(() => this.close());
    setTimeout(() => this.close(), LAST_WORDS_MS).unref();
  }

  /** Closes at once. */
  close(): void {
    this.#socket.destroy();
  }
}
