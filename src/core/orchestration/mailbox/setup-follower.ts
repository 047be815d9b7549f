import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { endOf, type SetupCommand, type SetupObservation } from '../session/setup.js';
import { RateLimitedWatch } from '../util/fs/rate-limited-watch.js';
import { openRegularFile, readRegularFile } from '../util/fs/regular-file.js';
import { serialized } from '../util/serialized.js';
import { stripControl } from '../util/text.js';
import { MOST_OUTPUT_BYTES, MOST_TAIL_BYTES } from './setup-script.js';

/** File events may be missed, or come late. */
const LOOK_MS = 1_000;
/** How much of a file is read at once, in bytes. An event has no more text than this. */
const CHUNK_BYTES = 8_192;
/** How much of a command's output is reported, in bytes. Its last part is reported in any case. */
const MOST_REPORTED_BYTES = 256 * 1024;
/** How much of the last output an error has, in characters. */
const SHOWN_LENGTH = 1_000;
/** The exit code, and whether the command was ended because of its time. */
const CODE = /^(\d{1,3})( late)?\n$/;

export interface SetupFollowerOptions {
  /** The folder that the container writes to. An agent may put anything there. */
  readonly folder: string;
  readonly commands: readonly SetupCommand[];
  /** Replaces what may not be shown in a line of output. */
  readonly redact: (line: string) => string;
}

/** The command that has failed. */
interface Failed {
  readonly index: number;
  readonly exitCode: number;
  readonly timedOut: boolean;
}

/**
 * Reports what the setup of a run does, from the files that the container writes. A later process begins at the beginning of the
 * files, so all of them see the same.
 */
export class SetupFollower {
  readonly #options: SetupFollowerOptions;
  readonly #serialized = serialized();
  /** What was seen before anybody followed. A setup may fail before its run is on record. */
  #unheard: SetupObservation[] = [];
  #report: (observations: readonly SetupObservation[]) => void = (seen) => void this.#unheard.push(...seen);
  #watch: RateLimitedWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #index = 0;
  #begun = false;
  #offset = 0;
  #rest = '';
  #decoder = new StringDecoder('utf8');
  #last = '';
  #failed: Failed | undefined;
  #over = false;

  constructor(options: SetupFollowerOptions) {
    this.#options = options;
  }

  /** Begins to report. Resolves when everything is reported that is there already. */
  async follow(report: (observations: readonly SetupObservation[]) => void): Promise<void> {
    this.#report = report;
    if (this.#unheard.length > 0) report(this.#unheard);
    this.#unheard = [];
    if (this.#over) return;
    this.#watch = new RateLimitedWatch(this.#options.folder, () => void this.look());
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
    await this.look();
  }

  /** Reports what is new. Never rejects. */
  look(): Promise<void> {
    return this.#serialized(() => this.#look());
  }

  /** Called when the container has ended. Reports the rest. Never rejects. */
  async finish(): Promise<void> {
    await this.look();
    this.#over = true;
    this.#stop();
  }

  /** Reports nothing any more. */
  close(): void {
    this.#report = () => {};
    this.#stop();
  }

  /** Why the setup has failed, for a person. Undefined if it has not, as far as its files say. */
  get failure(): string | undefined {
    if (!this.#failed) return undefined;
    const { index, exitCode, timedOut } = this.#failed;
    const { run, timeoutMs } = this.#options.commands[index] ?? { run: '' };
    const how = timedOut
      ? `took longer than its timeoutMs${timeoutMs === undefined ? ' (10 minutes by default)' : ` (${timeoutMs} ms)`}`
      : `ended with exit code ${exitCode}`;
    const said = this.#last.trim();
    const output = said === '' ? 'It wrote nothing' : `Its last output: ${endOf(said, SHOWN_LENGTH)}`;
    return `The command setup[${index}] (${JSON.stringify(endOf(run, 200))}) ${how}, so the agent did not begin. ${output}`;
  }

  /** True if all commands have succeeded, as far as their files say. */
  get passed(): boolean {
    return this.#index >= this.#options.commands.length;
  }

  #stop(): void {
    this.#watch?.close();
    this.#watch = undefined;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { commands } = this.#options;
    while (this.#index < commands.length && !this.#failed) {
      // The code first: what is written before the code is then in the output.
      const code = await this.#code();
      if (!(await this.#readOutput()) && !code) return;
      if (!code) return;
      await this.#end(Number(code[1]), code[2] !== undefined);
    }
    this.#stop();
  }

  async #code(): Promise<RegExpExecArray | undefined> {
    const text = await readRegularFile(this.#path('code'), { most: 16 }).catch(() => undefined);
    return (text && CODE.exec(text.toString('latin1'))) ?? undefined;
  }

  /** False if the command has not begun. */
  async #readOutput(): Promise<boolean> {
    const file = await openRegularFile(this.#path('out')).catch(() => undefined);
    if (!file) return false;
    try {
      if (!this.#begun) {
        this.#begun = true;
        this.#tell({ state: 'begun' });
      }
      const buffer = Buffer.alloc(CHUNK_BYTES);
      while (this.#offset < MOST_OUTPUT_BYTES) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, this.#offset);
        if (bytesRead === 0) break;
        this.#offset += bytesRead;
        this.#text(this.#decoder.write(buffer.subarray(0, bytesRead)));
      }
    } catch {
      // The next look tries again.
    } finally {
      await file.close();
    }
    return true;
  }

  /** Whole lines only, because a secret value may lie across two parts. */
  #text(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > CHUNK_BYTES) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    this.#lines(lines);
  }

  #lines(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const { redact } = this.#options;
    const text = `${lines.map((line) => redact(stripControl(line.replace(/\r$/, '')))).join('\n')}\n`;
    this.#last = endOf(this.#last + text, 2 * SHOWN_LENGTH);
    if (this.#offset <= MOST_REPORTED_BYTES) this.#tell({ state: 'output', text });
  }

  async #end(exitCode: number, timedOut: boolean): Promise<void> {
    const { commands } = this.#options;
    const tail = await readRegularFile(this.#path('tail'), { most: MOST_TAIL_BYTES }).catch(() => undefined);
    this.#lines(
      [this.#rest + this.#decoder.end(), ...(tail?.length ? tail.toString('utf8').split('\n') : [])].filter(Boolean),
    );
    if (this.#offset > MOST_REPORTED_BYTES) this.#tell({ state: 'output', text: `… ${this.#last}` });
    const failed = exitCode !== 0 || timedOut;
    const last = failed || this.#index === commands.length - 1;
    if (failed) this.#failed = { index: this.#index, exitCode, timedOut };
    this.#tell({ state: 'ended', exitCode, last, ...(timedOut && { timedOut: true as const }) });
    if (failed) return;
    this.#index += 1;
    this.#begun = false;
    this.#offset = 0;
    this.#rest = '';
    this.#last = '';
    this.#decoder = new StringDecoder('utf8');
  }

  #tell(seen: DistributedOmit<SetupObservation, 'kind' | 'index' | 'run'>): void {
    const run = this.#options.redact(this.#options.commands[this.#index]?.run ?? '');
    this.#report([{ kind: 'setup', index: this.#index, run, ...seen } as SetupObservation]);
  }

  #path(kind: 'out' | 'code' | 'tail'): string {
    return join(this.#options.folder, `${this.#index}.${kind}`);
  }
}

type DistributedOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
