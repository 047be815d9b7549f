import { classifyError } from './error-classifier.js';
import { HOME_REFUSED, HOME_UNPREPARED } from './home-refused.js';
import { MOUNTS_DIFFER, MOUNTS_REFUSED } from './mounts-refused.js';
import {
  causeOf,
  cutShort,
  endedWell,
  exitedWell,
  exitOf,
  failureOf,
  isFailing,
  isFull,
  lastOutput,
  leftOpen,
  limitOf,
  OUTSIDE_REASONS,
  reasonOf,
  wordsOf,
} from './outcome-facts.js';
import type { Outcome, RunWitnesses } from './run-witnesses.js';
import { saidReset } from './said-reset.js';
import { silentStart } from './silent-start.js';
import type { TerminalStatus } from './status.js';

/** How a run ended, as a row of the table says it. */
export interface Ending extends Pick<Outcome, 'cause' | 'usageLimit' | 'final'> {
  readonly status: TerminalStatus;
  readonly reason: string;
  /** Absent if the run went well. */
  readonly error?: string;
}

/** One way in which a run can end. */
export interface OutcomeRow {
  /** Names the row, for its test. */
  readonly name: string;
  readonly when: (witnesses: RunWitnesses) => boolean;
  readonly gives: (witnesses: RunWitnesses) => Ending;
}

const MOUNTS_MOVED =
  'While the container started, something else was put in the place of a folder that it mounts. So the container was ended ' +
  'before the agent began. An agent that can write there may have done that, or somebody changed a file of .git at that moment';

/**
 * Every way in which a run can end. The first row that fits decides. The exit closes a run, and Claude's `result` says how the
 * run went. Success needs both: an exit that went well, and a last word without error and with nothing open.
 */
export const OUTCOMES: readonly OutcomeRow[] = [
  {
    // Nobody knows whether the container is gone, so we must not report the run as cancelled or completed.
    name: 'the engine is unavailable',
    when: ({ end }) => end.reason === 'DOCKER_UNAVAILABLE',
    gives: ({ end }) => ({
      ...failed('DOCKER_UNAVAILABLE', end.error ?? 'The engine does not answer.'),
      final: true,
    }),
  },
  {
    name: 'stopped as failed: a limit, or a breach of the guard',
    when: ({ stopped }) => stopped?.status === 'failed',
    gives: ({ stopped }) => ({ ...failed(stopped?.reason ?? 'error', stopped?.error ?? ''), final: true }),
  },
  {
    name: 'cancelled, or stopped to be continued',
    when: ({ stopped }) => stopped !== undefined,
    gives: ({ stopped }) => ({
      status: 'cancelled',
      reason: stopped?.reason ?? 'cancelled',
      error: stopped?.error ?? '',
    }),
  },
  {
    name: 'out of memory before the last word',
    when: ({ end, isFinal }) => end.oomKilled === true && !isFinal,
    gives: () => failed('oom', 'The container reached its memory limit (docker.memory) and was killed.'),
  },
  {
    name: 'an end with a reason of its own before the last word',
    when: ({ end, isFinal }) => end.reason !== undefined && !(isFinal && OUTSIDE_REASONS.includes(end.reason)),
    gives: (run) =>
      failed(
        run.end.reason ?? 'error',
        `${(run.end.error ?? run.end.reason ?? '').replace(/\.$/, '')}.${lastOutput(run)}`,
      ),
  },
  {
    name: 'a limit of Claude Code',
    when: ({ result }) => result?.isError === true && limitOf(result) !== undefined,
    gives: ({ result }) => failed((result && limitOf(result)) ?? 'error', wordsOf(result)),
  },
  {
    name: 'the conversation is longer than the model reads',
    when: (run) => isFailing(run) && isFull(run),
    gives: (run) => ({
      ...failed(
        'context_full',
        `${failureOf(run)} The conversation is full. Go on with continue(id, feedback, { fresh: true }).`,
      ),
      cause: 'context_full',
    }),
  },
  {
    name: 'the model refuses to answer',
    when: (run) => isFailing(run) && causeOf(run) === 'refused',
    gives: (run) => ({ ...failed('refused', failureOf(run)), cause: 'refused' }),
  },
  {
    name: 'the provider refuses the request, with a cause that is known',
    when: (run) => isFailing(run) && reasonOf(run) !== undefined,
    gives: (run) => {
      const cause = causeOf(run);
      const resetsAt = run.limit?.resetsAt ?? saidReset(failureOf(run));
      const usageLimit = { ...(resetsAt !== undefined && { resetsAt }) };
      return {
        ...failed(reasonOf(run) ?? 'error', failureOf(run)),
        ...(cause !== undefined && { cause }),
        ...(reasonOf(run) === 'rate_limited' && { usageLimit }),
      };
    },
  },
  {
    name: 'an answer that was cut off, reported as an error',
    when: ({ result, failedRequest }) =>
      result?.isError === true && (failedRequest?.type === 'max_output_tokens' || cutShort(result) !== undefined),
    gives: ({ result }) => failed('incomplete', wordsOf(result)),
  },
  {
    name: 'any other result that is an error',
    when: ({ result }) => result?.isError === true,
    gives: (run) => {
      const cause = causeOf(run);
      return { ...failed('error', wordsOf(run.result)), ...(cause !== undefined && { cause }) };
    },
  },
  {
    name: 'a person closed the terminal',
    when: ({ end }) => end.closed === true,
    gives: ({ end }) => ({ status: 'completed', reason: end.exitCode === 0 ? 'success' : 'closed' }),
  },
  {
    name: 'a good result with something left open',
    when: (run) => endedWell(run) && run.result !== undefined && leftOpen(run) !== undefined,
    gives: (run) => failed('incomplete', `It ended in the middle of its task: ${leftOpen(run)}. It can be continued.`),
  },
  {
    name: 'a good result',
    when: (run) => endedWell(run) && run.result !== undefined,
    gives: () => ({ status: 'completed', reason: 'success' }),
  },
  {
    name: 'exit code 0 and an empty log',
    when: ({ end, hasEvents, unattended }) => end.exitCode === 0 && !hasEvents && unattended !== undefined,
    gives: (run) => failed('incomplete', `${run.unattended ? silentStart(run.unattended) : ''}${lastOutput(run)}`),
  },
  {
    name: 'an end without a result',
    when: exitedWell,
    gives: (run) => failed('incomplete', `It ended without a result.${lastOutput(run)}`),
  },
  {
    name: 'other files were mounted than those that were checked',
    when: ({ end, result, diagnostics }) =>
      !result && end.exitCode === MOUNTS_DIFFER && diagnostics.includes(MOUNTS_REFUSED),
    gives: (run) => failed('UNSAFE_MOUNT', `${MOUNTS_MOVED}.${lastOutput(run)}`),
  },
  {
    name: 'the home folder could not be prepared',
    when: ({ end, result, diagnostics }) =>
      !result && end.exitCode === HOME_UNPREPARED && diagnostics.includes(HOME_REFUSED),
    gives: (run) => failed('LAUNCH_FAILED', `The container could not be prepared for its user.${lastOutput(run)}`),
  },
  {
    name: 'a command that cannot be executed',
    when: ({ end, result }) => !result && end.exitCode === 126,
    gives: (run) => failed('LAUNCH_FAILED', `${COMMAND} cannot be executed (exit code 126).${lastOutput(run)}`),
  },
  {
    name: 'a command that was not found',
    when: ({ end, result }) => !result && end.exitCode === 127,
    gives: (run) => failed('LAUNCH_FAILED', `${COMMAND} was not found (exit code 127).${lastOutput(run)}`),
  },
  {
    name: 'killed before the last word',
    when: ({ end }) => end.exitCode === 137,
    gives: () => failed('killed', 'It was killed (exit code 137).'),
  },
  {
    name: 'terminated before the last word',
    when: ({ end }) => end.exitCode === 143,
    gives: () => failed('terminated', 'It was told to terminate (exit code 143).'),
  },
  {
    name: 'a refused login in the last output',
    when: ({ diagnostics }) => classifyError(diagnostics.join('\n'), 'diagnostic').code === 'auth',
    gives: (run) => ({ ...failed('auth', exitOf(run)), cause: 'auth' }),
  },
  { name: 'anything else', when: () => true, gives: (run) => failed('error', exitOf(run)) },
];

const COMMAND = "A command of the container's start";

function failed(reason: string, error: string): Ending {
  return { status: 'failed', reason, error };
}
