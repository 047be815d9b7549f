import type { PublishedPort, RunFailure, SessionPause, SessionRun, SessionWait } from '../core/index.js';
import { defined } from '../core/orchestration/util/defined.js';
import { truncate } from '../core/orchestration/util/text.js';

/** A longer feedback is cut in lists of sessions. */
const TEXT_LENGTH = 4_000;

/** What a time line shows of one run. */
export interface RunView {
  number: number;
  requestedAt?: number;
  launchedAt?: number;
  startedAt?: number;
  endedAt?: number;
  pausedAt?: number;
  pauses?: readonly SessionPause[];
  waitingAt?: number;
  waits?: readonly SessionWait[];
  exitCode?: number;
  containerName?: string;
  /** Where the machine reaches the container's ports. */
  ports?: readonly PublishedPort[];
  /** A shell command that opens the terminal of an `interactive` session on the machine. */
  attachCommand?: string;
  feedback?: string;
  /** The run asks again for a result that fits: 1 for the first time. */
  outputRetry?: number;
  /** The run begins a new conversation. */
  fresh?: true;
  /** What ended the run, if the session goes on by itself: the reason, the text for a person, and how many attempts have failed. */
  failure?: RunFailure;
}

/** The part of a run that a time line shows. */
export function runView(run: SessionRun): RunView {
  const { number, requestedAt, launchedAt, startedAt, endedAt, pausedAt, pauses, waitingAt, waits } = run;
  const { exitCode, containerName, ports, attachCommand, feedback, outputRetry, fresh, failure } = run;
  return defined({
    number,
    requestedAt,
    launchedAt,
    startedAt,
    endedAt,
    pausedAt,
    pauses,
    waitingAt,
    waits,
    exitCode,
    containerName,
    ports,
    attachCommand,
    feedback: feedback === undefined ? undefined : truncate(feedback, TEXT_LENGTH),
    outputRetry,
    fresh,
    failure,
  });
}
