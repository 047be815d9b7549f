import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LogFollower } from './log-follower.js';

/**
 * Only lines with both of these are parsed. Most lines are tool results of any length, and parsing them would double the
 * monitor's work.
 */
const TELLING = ['"type":"assistant"', '"usage"'];
/**
 * How much of the transcript is read when the run has ended, in bytes. Claude leaves some lines, but an agent may leave any
 * amount.
 */
const MOST_DRAINED = 64 * 1024 * 1024;

/**
 * Follows the transcript that Claude Code keeps of a conversation, as soon as there is one. The agent can write to the
 * transcript, so its content can only add to what the log says, and gains the agent nothing. If it holds something that Claude
 * never writes, it is not followed any further: a hole of terabytes costs an agent nothing.
 */
export class TranscriptFollower {
  readonly #folder: string;
  readonly #onEvent: (event: unknown) => void;
  #name: string | undefined;
  #follower: LogFollower | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(folder: string, onEvent: (event: unknown) => void) {
    this.#folder = folder;
    this.#onEvent = onEvent;
  }

  /** @param conversationId a UUID, never a path */
  follow(conversationId: string): void {
    this.#name ??= `${conversationId}.jsonl`;
  }

  /** Looks for the transcript. Claude begins it some time after the log, so this is called with each line of the log. */
  look(): void {
    if (this.#name === undefined || this.#follower || this.#opening || this.#closed) return;
    this.#opening = this.#open(this.#name).finally(() => {
      this.#opening = undefined;
    });
  }

  /** Called when the run has ended. Reports what the transcript holds now, up to a limit, and stops. */
  async drain(): Promise<void> {
    this.look();
    await this.#opening;
    await this.#follower?.drain(MOST_DRAINED);
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#follower?.close();
  }

  async #open(name: string): Promise<void> {
    try {
      // A link in the folder's place could lead anywhere on the machine.
      const parent = await realpath(dirname(this.#folder));
      if ((await realpath(this.#folder)) !== join(parent, basename(this.#folder))) return;
      const follower = await LogFollower.open(
        join(this.#folder, name),
        { offset: 0 },
        {
          onLine: (line) => this.#read(line),
          onOversized: () => this.close(),
          onBacklog: (state) => state === 'flood' && this.close(),
        },
      );
      if (this.#closed) follower.close();
      else this.#follower = follower;
    } catch {
      // The transcript is not there yet, or cannot be read.
    }
  }

  #read(line: string): void {
    if (line.includes('\0')) this.close(); // A hole in the file: JSON has no such character.
    if (this.#closed || !TELLING.every((part) => line.includes(part))) return;
    try {
      this.#onEvent(JSON.parse(line));
    } catch {
      // The line is cut, or the agent wrote it.
    }
  }
}
