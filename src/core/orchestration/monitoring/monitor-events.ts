import type { SessionMetadata, TokenUsage } from '../session/metadata.js';
import type { ResultObservation } from '../session/observation.js';
import type { ObservedEvent } from '../session/observed-events.js';
import type { UnifiedSession } from '../session/record.js';
import type { ListenerError } from '../util/isolated-emitter.js';

/** What a `StreamMonitor` needs to know of a session. Every `UnifiedSession` has it. */
export interface MonitoredSession extends Pick<UnifiedSession, 'id' | 'logFile'> {
  /** The log of an `interactive` session is a copy of Claude's transcript. Default: stream-json, as in all other modes. */
  readonly mode?: UnifiedSession['mode'];
  /** Where the agent works, for the rating of its tool calls. Default: in a container. */
  readonly environment?: UnifiedSession['environment'];
}

/** Claude's count of tokens and cost has changed. */
interface MonitoredUsage {
  readonly type: 'session:usage';
  /** Over all runs in the log. */
  readonly tokens?: TokenUsage;
  /** US dollars, over all runs in the log. An estimate at list prices until a run's result is there. */
  readonly costUsd?: number;
}

/** Claude reported the end of a run. The process or container of the run may end a moment later. */
interface MonitoredResult {
  readonly type: 'session:result';
  readonly result: Omit<ResultObservation, 'kind'>;
}

interface MonitorEventBase {
  readonly sessionId: string;
  /** When the line was read, in epoch milliseconds. */
  readonly at: number;
  /** What the log has told so far, this line included. */
  readonly metadata: SessionMetadata;
  /** Present if the line was in the log before it was monitored. Then `at` is not the time when it happened. */
  readonly replayed?: true;
}

/**
 * Everything that a `StreamMonitor` reports of a session. The events that a manager has, too, have the same names and fields, with
 * `metadata` in place of the record.
 */
export type MonitorEvent = MonitorEventBase & (ObservedEvent | MonitoredUsage | MonitoredResult);

/** The log of a session cannot be read, so the session is not monitored any more. */
export interface MonitorError {
  readonly sessionId: string;
  readonly logFile: string;
  readonly error: unknown;
}

/** The events of `StreamMonitor`, for `on()`. Each is emitted under its own name, and all events of sessions as `'event'`. */
export type StreamMonitorEvents = {
  [Type in MonitorEvent['type']]: (event: Extract<MonitorEvent, { type: Type }>) => void;
} & {
  event: (event: MonitorEvent) => void;
  'monitor-error': (failure: MonitorError) => void;
  'listener-error': (failure: ListenerError) => void;
};
