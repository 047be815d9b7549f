import type { streamParser } from 'channelcoder';
import type { BacklogState } from './backlog.js';
import type { LineListener } from './line-splitter.js';

/** An event of Claude's, as ChannelCoder's stream parser returns it. */
export type LogEvent = NonNullable<ReturnType<typeof streamParser.parseStreamEvent>>;

/** What a source reports. It reports lines if it reads the log itself, and events if something else has parsed them. */
export interface LogListener extends LineListener {
  /**
   * An event. Called by a source that gets events instead of lines.
   *
   * @param byUser true if the user's own code reports the event, and not an agent
   */
  onEvent(event: LogEvent, byUser?: boolean): void;
  /** A line that is not an event. Called by a source that gets events instead of lines. */
  onOtherLine(line: string): void;
  /** Called when the reader begins to fall behind the writer, and when it has caught up. */
  onBacklog?(state: BacklogState): void;
  /** Called once, when the file is longer than `LogPlace.mostBytes`. */
  onFull?(): void;
}

export interface LogPlace {
  /** Where to begin, in bytes. */
  offset: number;
  /** How long the file may be, in bytes. Default: no limit. */
  mostBytes?: number;
}

/**
 * The source of the lines of a run's log. A source is open until `drain` or `close`.
 *
 * There are two sources. `LogFollower` reads the log itself and is the default. `ChannelCoderSource` gets events from
 * ChannelCoder's `monitorLog`, and is for runs that ChannelCoder started itself.
 */
export interface LogSource {
  /** Resolves when everything is reported that the log held when the source was opened, or when the source is closed. */
  readonly caughtUp: Promise<void>;
  /**
   * Called when the run has ended. Reports the rest of the log, including a last line without a line end, and closes the source.
   * What is appended during this call is left out, because a process that goes on writing must not keep a run from its end.
   */
  drain(): Promise<void>;
  /** Stops at once, without reporting the rest. Does nothing if the source is closed already. */
  close(): void;
}

/**
 * Opens a source. The listener may be called before the promise resolves.
 *
 * @throws Error if the log is missing, a link, or not a regular file
 */
export type OpenLogSource = (path: string, place: LogPlace, listener: LogListener) => Promise<LogSource>;
