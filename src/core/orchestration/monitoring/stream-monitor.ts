import { streamParser } from 'channelcoder';
import { classifyDiagnostic } from '../session/error-classifier.js';
import type { Observation, ResultObservation } from '../session/observation.js';
import { clipText } from '../util/text.js';
import type { BacklogState } from './backlog.js';
import { ClaudeEventReader } from './claude-events.js';
import { LogFollower } from './log-follower.js';
import type { LogEvent, LogSource, OpenLogSource } from './log-source.js';
import { OtherLines, SHOWN_LENGTH } from './other-lines.js';
import { TranscriptFollower } from './transcript-follower.js';

export interface StreamMonitorOptions {
  logFile: string;
  /** Where this run's part of the log begins, in bytes. */
  offset: number;
  /** The folder where Claude keeps the conversation's transcript, which knows each message's tokens when it has ended. */
  transcripts?: string;
  /** The conversation that the log is of, where that is a copy of its transcript. */
  conversationId?: string;
  /** Called with what each log line tells, in order; never with nothing. */
  onObservations: (observations: readonly Observation[]) => void;
  /** Called for each line of stream-json, those included that tell nothing: a sign of life. */
  onActivity?: () => void;
  /** How long the log may be, of all runs together, in bytes. Default: of any length. */
  mostBytes?: number;
  /** Told whether the monitor keeps up with the log, see `Backlog`. */
  onBacklog?: (state: BacklogState) => void;
  /** Told once, when the log is longer than it may be. */
  onFull?: () => void;
}

/**
 * Watches the log of one run: line → ChannelCoder's stream parser → observations. Lines that are not stream-json
 * (entrypoints, stderr) become diagnostics, and errors where they read like one.
 */
export class StreamMonitor {
  readonly #reader: ClaudeEventReader;
  readonly #onObservations: StreamMonitorOptions['onObservations'];
  readonly #onActivity: () => void;
  #source: LogSource | undefined;
  readonly #transcript: TranscriptFollower | undefined;
  #result: ResultObservation | undefined;
  readonly #others = new OtherLines((line) => this.#diagnose(line));

  /**
   * Begins to watch. Everything that the log already holds after the offset is reported too.
   *
   * @param open where the lines come from; the library chooses another source for runs that ChannelCoder started itself
   * @throws Error where the log is missing, a link, or not a regular file
   */
  static async start(options: StreamMonitorOptions, open: OpenLogSource = LogFollower.open): Promise<StreamMonitor> {
    const monitor = new StreamMonitor(options);
    const { logFile, offset, mostBytes, onBacklog, onFull } = options;
    const place = { offset, ...(mostBytes !== undefined && { mostBytes }) };
    monitor.#source = await open(logFile, place, {
      onLine: (line, complete) => monitor.#readLine(line, complete),
      onPlain: (lines) => monitor.#others.read(lines),
      onOversized: (start) => monitor.#skipped(start),
      onDense: (line, complete) => monitor.#readDense(line, complete),
      onEvent: (event) => monitor.#readEvent(event),
      onOtherLine: (line) => monitor.#others.add(line),
      ...(onBacklog && { onBacklog }),
      ...(onFull && { onFull }),
    });
    return monitor;
  }

  private constructor(options: StreamMonitorOptions) {
    this.#reader = new ClaudeEventReader(options.conversationId);
    this.#onObservations = options.onObservations;
    this.#onActivity = options.onActivity ?? ((): void => {});
    this.#transcript =
      options.transcripts === undefined
        ? undefined
        : new TranscriptFollower(options.transcripts, (event) => this.#report(this.#reader.readTranscript(event)));
  }

  /** Resolves when all is reported that the log held when this began. */
  get caughtUp(): Promise<void> {
    return this.#source?.caughtUp ?? Promise.resolve();
  }

  /** Claude's latest account of the run, if it gave one. */
  get result(): ResultObservation | undefined {
    return this.#result;
  }

  /** The last few lines that were not stream-json: where a start that failed says why. */
  get lastDiagnostics(): readonly string[] {
    return this.#others.last;
  }

  /** The run has ended: reports all that is in the log up to its end, and looks away. */
  async drain(): Promise<void> {
    await this.#source?.drain();
    this.#others.end();
    await this.#transcript?.drain();
  }

  /** Looks away at once; the run may go on. */
  stop(): void {
    this.#source?.close();
    this.#transcript?.close();
  }

  #readLine(line: string, complete: boolean): void {
    const { event, untried } = parsed(line);
    if (!event) {
      this.#others.add(line);
      // Claude may have been killed while it wrote the last line, unless that ends like an event.
      const written = complete || (untried && line.trimEnd().endsWith('}'));
      if (written && TELLS_OF_CALL.test(line)) this.#report([{ kind: 'tampered' }]);
      return;
    }
    this.#readEvent(event);
  }

  #readEvent(event: LogEvent): void {
    this.#onActivity();
    const observations = this.#reader.read(event);
    const [first] = observations;
    if (first?.kind === 'init') {
      this.#transcript?.follow(first.conversationId);
      this.#result = undefined; // Claude begins anew; what it said of its work before is not how this ends.
    }
    const last = observations.at(-1);
    if (last?.kind === 'result') this.#result = bounded(last);
    this.#transcript?.look();
    this.#report(observations);
  }

  #report(observations: readonly Observation[]): void {
    if (observations.length > 0) this.#onObservations(observations);
  }

  /** Of all that Claude writes only a tool's result may hold this many values. */
  #readDense(line: string, complete: boolean): void {
    this.#others.add(`A log line was skipped because of its many values: ${line.slice(0, SHOWN_LENGTH)}`);
    const written = complete || line.trimEnd().endsWith('}');
    if (!written || !TELLS_OF_CALL.test(line)) return;
    // An agent may write the beginning of a result in front of what Claude writes, to hide that.
    if (FURTHER_EVENT.test(line)) this.#report([{ kind: 'tampered' }]);
    else this.#unread(line.slice(0, SHOWN_LENGTH));
  }

  #skipped(start: string): void {
    this.#others.add(`A log line was skipped because of its length: ${start}`);
    this.#unread(start);
  }

  /** Only tool results get so long (they repeat the edited file). Any other such line was not written by Claude. */
  #unread(start: string): void {
    const toolUseId = RESULT_START.exec(start)?.[1];
    if (toolUseId === undefined) this.#report([{ kind: 'tampered' }]);
    else this.#report([{ kind: 'tool-result', toolUseId, outcome: 'ok', output: '', skipped: true }]);
  }

  #diagnose(line: string): void {
    const error = classifyDiagnostic(line);
    this.#onObservations([{ kind: 'diagnostic', line }, ...(error ? [{ kind: 'error', ...error } as const] : [])]);
  }
}

const TELLS_OF_CALL = /"tool_use_id"|"type":"tool_use"/;
/** Within a line of Claude's these quotes are escaped, or what is in the braces is no event. */
const FURTHER_EVENT = /.\{"type":"(?:assistant|user|system|result)"/s;
const RESULT_START = /^\{"type":"user".*?"tool_use_id":"([^"]{1,200})"/s;
/** How often a line is tried from a later brace on. */
const MOST_TRIES = 8;
/** Where such a brace may be: what stands in front of an event is short. */
const TRIED_START = 4 * 1024;
/** What all these tries of a line may parse together, in characters: an agent makes lines that fail only at their ends. */
const MOST_TRIED = 1024 * 1024;

interface ParsedLine {
  event: LogEvent | null;
  /** Whether there are later braces from which on the line was not tried. */
  untried: boolean;
}

/** The event in a line. What others wrote without an end, entrypoints or an agent, may stand in front of it. */
function parsed(line: string): ParsedLine {
  let event = streamParser.parseStreamEvent(line);
  let left = MOST_TRIED;
  let at = 0;
  for (let tries = 0; !event && tries < MOST_TRIES; tries++) {
    at = line.indexOf('{"', at + 1);
    if (at < 0) break;
    left -= line.length - at;
    if (at > TRIED_START || left < 0) return { event, untried: true };
    event = streamParser.parseStreamEvent(line.slice(at));
  }
  return { event, untried: false };
}

/** A closing message is a page or two; what is longer would stay in the record for good. */
const RESULT_LENGTH = 50_000;

function bounded(result: ResultObservation): ResultObservation {
  const subtype = clipText(result.subtype, 100);
  return result.text === undefined
    ? { ...result, subtype }
    : { ...result, subtype, text: clipText(result.text, RESULT_LENGTH) };
}
