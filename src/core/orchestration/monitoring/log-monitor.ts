import { classifyDiagnostic } from '../session/error-classifier.js';
import type { ModelPrices } from '../session/model-price.js';
import type { Observation, ResultObservation } from '../session/observation.js';
import { truncate } from '../util/text.js';
import type { BacklogState } from './backlog.js';
import { ClaudeEventReader } from './claude-events.js';
import { hasFurtherEvent } from './further-event.js';
import { type ChannelCoder, loadChannelCoder } from './load-channelcoder.js';
import { LogFollower } from './log-follower.js';
import type { LogEvent, LogSource, OpenLogSource } from './log-source.js';
import { OtherLines, SHOWN_LENGTH } from './other-lines.js';
import { Prices } from './prices.js';
import { StandingProblems } from './standing-problems.js';
import { TranscriptFollower } from './transcript-follower.js';

export interface LogMonitorOptions {
  /** The path of the log. */
  logFile: string;
  /** Where this run's part of the log begins, in bytes. */
  offset: number;
  /**
   * The folder where Claude keeps the conversation's transcript. The transcript has the tokens of each message that has ended.
   */
  transcripts?: string;
  /** The id of the conversation, if the log is a copy of its transcript. */
  conversationId?: string;
  /** The user's own prices of models, besides the list prices. */
  prices?: ModelPrices;
  /** Called with the observations from each line, in the order of the log; never with an empty list. */
  onObservations: (observations: readonly Observation[]) => void;
  /** Called for each line of stream-json, as a sign of life, even if nothing is observed in it. */
  onActivity?: () => void;
  /** How long the log may be, all runs together, in bytes. Default: no limit. */
  mostBytes?: number;
  /** Called when the monitor falls behind the log and when it has caught up, see `Backlog`. */
  onBacklog?: (state: BacklogState) => void;
  /** Called once, when the log is longer than `mostBytes`. */
  onFull?: () => void;
}

/**
 * Watches the log of one run: line → ChannelCoder's stream parser → observations. Lines that are not stream-json
 * (entrypoints, stderr) become diagnostics, and also errors if they read like one.
 *
 * @example
 * ```ts
 * const monitor = await LogMonitor.start({ logFile, offset: 0, onObservations: (seen) => console.log(seen) });
 * await monitor.drain(); // The run has ended.
 * ```
 */
export class LogMonitor {
  readonly #channelCoder: ChannelCoder;
  readonly #reader: ClaudeEventReader;
  readonly #onObservations: LogMonitorOptions['onObservations'];
  readonly #onActivity: () => void;
  #source: LogSource | undefined;
  readonly #transcript: TranscriptFollower | undefined;
  #result: ResultObservation | undefined;
  #hasEvents = false;
  readonly #problems = new StandingProblems();
  readonly #others = new OtherLines((line) => this.#diagnose(line));

  /**
   * Begins to watch. What the log already holds after the offset is reported, too.
   *
   * @param open opens the source of the lines; the library chooses another source for runs that ChannelCoder started itself
   * @throws Error if the log is missing, a link, or not a regular file
   */
  static async start(options: LogMonitorOptions, open: OpenLogSource = LogFollower.open): Promise<LogMonitor> {
    const monitor = new LogMonitor(options, await loadChannelCoder());
    const { logFile, offset, mostBytes, onBacklog, onFull } = options;
    const place = { offset, ...(mostBytes !== undefined && { mostBytes }) };
    monitor.#source = await open(logFile, place, {
      onLine: (line, complete) => monitor.#readLine(line, complete),
      onPlain: (lines) => monitor.#others.read(lines),
      onOversized: (start) => monitor.#others.add(`A log line was skipped because of its length: ${start}`),
      // Other long lines lose nothing: they hold a document that Claude read, such as a PDF.
      onOversizedCall: (start) => monitor.#unread(start),
      onOversizedEvent: (start) => monitor.#hidden(start),
      onDense: (line, complete) => monitor.#readDense(line, complete),
      onEvent: (event, byUser) => monitor.#readEvent(event, byUser),
      onOtherLine: (line) => monitor.#others.add(line),
      ...(onBacklog && { onBacklog }),
      ...(onFull && { onFull }),
    });
    return monitor;
  }

  private constructor(options: LogMonitorOptions, channelCoder: ChannelCoder) {
    this.#channelCoder = channelCoder;
    this.#reader = new ClaudeEventReader(options.conversationId, new Prices(options.prices));
    this.#onObservations = options.onObservations;
    this.#onActivity = options.onActivity ?? ((): void => {});
    this.#transcript =
      options.transcripts === undefined
        ? undefined
        : new TranscriptFollower(options.transcripts, (event) => this.#report(this.#reader.readTranscript(event)));
  }

  /** Resolves when everything is reported that the log held at the start. */
  get caughtUp(): Promise<void> {
    return this.#source?.caughtUp ?? Promise.resolve();
  }

  /** Claude's latest `result` of the run, if there is one. */
  get result(): ResultObservation | undefined {
    return this.#result;
  }

  /** True if the run's part of the log has an event of Claude's. */
  get hasEvents(): boolean {
    return this.#hasEvents;
  }

  /** The last few lines that were not stream-json. If a start has failed, they say why. */
  get lastDiagnostics(): readonly string[] {
    return this.#others.last;
  }

  /** Called when the run has ended. Reports the rest of the log and stops. Unlike `stop`, it leaves nothing out. */
  async drain(): Promise<void> {
    await this.#source?.drain();
    this.#others.end();
    await this.#transcript?.drain();
  }

  /** Stops at once. Unlike after `drain`, the run may go on, and the rest of the log is not reported. */
  stop(): void {
    this.#source?.close();
    this.#transcript?.close();
  }

  #readLine(line: string, complete: boolean): void {
    const { event, untried } = parsed(line, this.#channelCoder);
    if (!event) {
      this.#others.add(line);
      // A last line without a line end is torn if Claude was killed while it wrote. It was written whole if it ends like an
      // event.
      const written = complete || (untried && line.trimEnd().endsWith('}'));
      if (written && TELLS_OF_CALL.test(line)) this.#report([{ kind: 'tampered' }]);
      return;
    }
    this.#readEvent(event);
  }

  #readEvent(event: LogEvent, byUser = false): void {
    this.#onActivity();
    const observations = this.#reader.read(event, byUser);
    const [first] = observations;
    if (first) this.#hasEvents = true;
    if (first?.kind === 'init') {
      this.#transcript?.follow(first.conversationId);
      this.#result = undefined; // Claude has begun again, so an earlier result is not the end of this run.
    }
    const last = observations.at(-1);
    if (last?.kind === 'result') this.#result = bounded(last);
    this.#transcript?.look();
    this.#report(observations);
  }

  #report(observations: readonly Observation[]): void {
    const news = this.#problems.news(observations);
    if (news.length > 0) this.#onObservations(news);
  }

  /** Of all lines that Claude writes, only a tool's result may hold so many values. */
  #readDense(line: string, complete: boolean): void {
    this.#others.add(`A log line was skipped because of its many values: ${line.slice(0, SHOWN_LENGTH)}`);
    const written = complete || line.trimEnd().endsWith('}');
    if (!written || !TELLS_OF_CALL.test(line)) return;
    if (hasFurtherEvent(line)) this.#report([{ kind: 'tampered' }]);
    else this.#unread(line.slice(0, SHOWN_LENGTH));
  }

  /** Of Claude's lines about calls, only tool results get so long, because they repeat the edited file. */
  #unread(start: string): void {
    const toolUseId = RESULT_START.exec(start)?.[1];
    if (toolUseId === undefined) this.#report([{ kind: 'tampered' }]);
    else this.#report([{ kind: 'tool-result', toolUseId, outcome: 'ok', output: '', skipped: true }]);
  }

  /** An agent may write the beginning of a result in front of Claude's line, to hide that line. Other lines are already reported. */
  #hidden(start: string): void {
    if (RESULT_START.test(start)) this.#report([{ kind: 'tampered' }]);
  }

  #diagnose(line: string): void {
    const error = classifyDiagnostic(line);
    this.#report([{ kind: 'diagnostic', line }, ...(error ? [{ kind: 'error', ...error } as const] : [])]);
  }
}

const TELLS_OF_CALL = /"tool_use_id"|"type":"tool_use"/;
const RESULT_START = /^\{"type":"user".*?"tool_use_id":"([^"]{1,200})"/s;
/** How often parsing a line is tried again from a later brace on. */
const MOST_TRIES = 8;
/** Up to where such a brace may be: the text in front of an event is short. */
const TRIED_START = 4 * 1024;
/** How many characters all tries of a line may parse together, because an agent can write lines that fail only at their end. */
const MOST_TRIED = 1024 * 1024;

interface ParsedLine {
  event: LogEvent | null;
  /** True if the line has later braces from which parsing was not tried. */
  untried: boolean;
}

/** Finds the event in a line. Text without a line end may stand in front of it, written by an entrypoint or by the agent. */
function parsed(line: string, { streamParser }: ChannelCoder): ParsedLine {
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

/** How long the text of a result may be, in characters. It stays in the record for good, and an honest one has a page or two. */
const RESULT_LENGTH = 50_000;

function bounded(result: ResultObservation): ResultObservation {
  const subtype = truncate(result.subtype, 100);
  return result.text === undefined
    ? { ...result, subtype }
    : { ...result, subtype, text: truncate(result.text, RESULT_LENGTH) };
}
