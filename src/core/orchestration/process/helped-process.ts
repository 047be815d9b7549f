import { type Deferred, withTimeout } from '../util/deferred.js';
import type { LaunchFiles } from './launch-files.js';
import type { LaunchedProcess, ProcessExit } from './launched-process.js';
import { controlOf, orphanedProcess } from './orphaned-process.js';
import { isAlive, type PidSpace, type ProcessIdentity, pidSpace, processIdentity } from './process-identity.js';
import { processWithFiles } from './process-with-files.js';

/** How often this process looks whether a process still runs whose end the helper has not reported. */
const LOOK_MS = 1_000;
/** How long the helper may take to report an end that this process has seen. */
const REPORT_MS = 1_000;

export interface Reason {
  readonly message: string;
  readonly code?: string;
}

/** A process that the helper has started. */
interface Begun {
  readonly pid: number;
  /** As in `ProcessIdentity`. Undefined if the helper could not read it. */
  readonly startedAt: string | undefined;
}

/** What has become of a launch. */
export type Outcome = Begun | { readonly failed: Reason } | 'not-started' | 'unknown';

/** What is known of a process besides the outcome of its launch. */
interface Helped {
  /** Resolves with undefined if the helper ends before the process. */
  readonly exit: Deferred<ProcessExit | undefined>;
  readonly files: LaunchFiles;
  /** Undefined if it could not be read; then it is read again. */
  readonly space: PidSpace | undefined;
  /** False if nobody in this process follows the process any more. */
  readonly isFollowed: () => boolean;
}

/**
 * Waits for an answer of the helper, but not longer than `ms`. If this process was blocked or stopped all the time, it has not read
 * the answer yet when the time is over. So it waits twice, and reads in between.
 */
export async function answered<T>(answer: Promise<T>, ms: number): Promise<T | undefined> {
  return (await withTimeout(answer, ms / 2)) ?? withTimeout(answer, ms / 2);
}

/**
 * The process that a launch has started. Undefined if it has started none.
 *
 * @throws Error if the process could not be started, or if it is not known whether it was started
 */
export async function helpedProcess(outcome: Outcome, helped: Helped): Promise<LaunchedProcess | undefined> {
  if (outcome === 'not-started') return undefined;
  if (outcome === 'unknown') {
    const identity = await processWithFiles(helped.files);
    if (identity) return orphanedProcess(identity);
    throw new Error('the process that launches others was ended at that moment, and the command does not run');
  }
  if ('failed' in outcome) throw Object.assign(new Error(outcome.failed.message), { code: outcome.failed.code });
  // Without the identity, the run can still be followed to its end.
  const identity = await identityOf(outcome, helped.space).catch(() => undefined);
  if (identity) void look(identity, helped);
  const exited = helped.exit.promise.then((known) => known ?? endOf(identity));
  return { ...controlOf(identity), pid: outcome.pid, identity, exited };
}

/** What the helper has read is preferred: it can read it even if this process can open no more files. */
async function identityOf({ pid, startedAt }: Begun, known?: PidSpace): Promise<ProcessIdentity | undefined> {
  if (!startedAt) return processIdentity(pid, known);
  return { pid, startedAt, ...(known ?? (await pidSpace())) };
}

/** The end of a process whose exit code nobody gets any more. */
async function endOf(identity: ProcessIdentity | undefined): Promise<ProcessExit> {
  return identity ? orphanedProcess(identity).exited : { code: null, signal: null };
}

/** A helper that hangs does not report the end of a process. So this process looks itself, now and then. Never rejects. */
async function look(identity: ProcessIdentity, { exit, isFollowed }: Helped): Promise<void> {
  const { pid: _, startedAt: __, ...here } = identity;
  do {
    await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_MS).unref());
    if (exit.isSettled || !isFollowed()) return;
  } while (await isAlive(identity, here));
  await answered(exit.promise, REPORT_MS);
  if (isFollowed()) exit.resolve({ code: null, signal: null });
}
