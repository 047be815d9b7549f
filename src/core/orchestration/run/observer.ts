import { lstat } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { RunRequest } from '../contract/run-request.js';
import type { IgnoreRules } from '../git/ignore-rules.js';
import type { PlantedFile } from '../git/snapshot.js';
import { GitWatch } from '../git/watch.js';
import type { Breach, RunGuard } from '../guard/run-guard.js';
import type { BacklogState } from '../monitoring/backlog.js';
import { ChannelCoderSource } from '../monitoring/channelcoder-source.js';
import { InjectedSource } from '../monitoring/injected-source.js';
import { StreamMonitor, type StreamMonitorOptions } from '../monitoring/stream-monitor.js';
import { releaseWarning } from '../monitoring/tested-releases.js';
import { logBytesOf } from '../session/limits.js';
import type { Observation } from '../session/observation.js';
import type { RunWitnesses } from '../session/outcome.js';
import type { ToolPolicy } from '../session/policy.js';
import type { UnifiedSession } from '../session/record.js';
import type { RunRecord } from '../session/run-record.js';
import { deferred } from '../util/deferred.js';
import { quote } from '../util/errors.js';
import type { RunControl } from './control.js';
import type { RunLimits } from './limits.js';
import type { SlotLease } from './slot-lease.js';

export interface RunObserverOptions {
  request: Pick<RunRequest, 'spec' | 'session' | 'folder'>;
  record: RunRecord;
  control: Pick<RunControl, 'stopping' | 'stop' | 'hold' | 'release'>;
  guard: Pick<RunGuard, 'ready' | 'inspect'>;
  limits: RunLimits;
  lease: Pick<SlotLease, 'after'>;
  ignoreRules: IgnoreRules;
}

/** Where in the log a run begins, and how its hook was set up if an earlier process may have read a part of it. */
interface LogPart {
  offset: number;
  replay: Pick<ToolPolicy, 'onHostLost'> | undefined;
}

/**
 * All that is seen of one run: its log, held against the guard's decisions and the limits, and what the agent plants for git on
 * the machine. What a process has to know for that is on disk, so that the next one can go on with it.
 */
export class RunObserver {
  readonly #options: RunObserverOptions;
  readonly #git: GitWatch;
  /** Where the agent works, of a run that is launched here. */
  #checkout: string | undefined;
  readonly #caughtUp = deferred<void>();
  #monitor: StreamMonitor | undefined;
  #resetsAt: number | undefined;
  /** When the log was written to last, while it tells what an earlier process may have read. */
  #replayed: number | undefined;
  /** Whether calls could run while no process was there to ask. */
  #unasked = false;
  #detached = false;
  /** What of the agent's doing is read too late. */
  readonly #unseen = new Set<'log' | 'copy'>();
  /** Whether the log ends with the end of the agent's turn. */
  #turnOver = false;

  constructor(options: RunObserverOptions) {
    this.#options = options;
    this.#git = new GitWatch(options.request.folder.gitSnapshot, (planted) => this.#report(planted));
  }

  /** Resolves when the record has all that the log told when this began to read it. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** What there is to say of how the run went. */
  get witnesses(): Pick<RunWitnesses, 'result' | 'resetsAt' | 'diagnostics'> {
    return {
      result: this.#monitor?.result,
      resetsAt: this.#resetsAt,
      diagnostics: this.#monitor?.lastDiagnostics ?? [],
    };
  }

  /** Before a run is taken over: goes on with what the last process has left. */
  async restore(): Promise<void> {
    const { request, ignoreRules } = this.#options;
    const { worktree, cwd } = request.session.environment;
    ignoreRules.begin(worktree ?? cwd, false);
    await ignoreRules.settled();
    await this.#git.resume();
  }

  /** Notes how things are before the agent comes. */
  async before({ docker, worktree, cwd }: UnifiedSession['environment']): Promise<void> {
    const { record, ignoreRules } = this.#options;
    this.#checkout = worktree ?? cwd;
    if (record.run.number > 1) {
      ignoreRules.begin(this.#checkout, false);
      await ignoreRules.settled();
    }
    // Without a container the agent need not wait for git.
    if (docker) await this.#git.begin(this.#checkout);
  }

  async start(handle: RunHandle, { offset, replay }: LogPart): Promise<void> {
    const { request, guard, limits, ignoreRules } = this.#options;
    const { folder, spec } = request;
    const { log } = folder;
    // Git takes its time, of which the start of a container should get nothing, and the agent's first call comes later.
    if (this.#checkout !== undefined) ignoreRules.begin(this.#checkout, true);
    const mostBytes = logBytesOf(spec.limits);
    // Each line of the log is judged at once and in order, so that the rules have to be there before the first one.
    await guard.ready();
    if (replay) this.#replayed = (await lstat(log)).mtimeMs;
    this.#unasked = replay?.onHostLost === 'allow';
    const { transcript, turns, channelCoder } = handle;
    const watch = channelCoder?.watch;
    const ofChannelCoder = watch ? InjectedSource.opening(watch) : ChannelCoderSource.open;
    const options: StreamMonitorOptions = {
      logFile: log,
      offset,
      ...(transcript?.folder !== undefined && { transcripts: transcript.folder }),
      ...(transcript?.copy && { conversationId: transcript.copy.conversationId }),
      onObservations: (observations) => this.#observe(observations, handle),
      onActivity: () => limits.alive(),
      onBacklog: (state) => this.#backlog(state),
      mostBytes,
      onFull: () => this.#tooLong(`is longer than limits.logBytes (${mostBytes} bytes)`),
    };
    this.#monitor = await StreamMonitor.start(options, channelCoder ? ofChannelCoder : undefined);
    transcript?.copy?.watchBacklog?.((behind) => this.#late('copy', behind));
    // Before the first tool call is decided the rules are read, so that no commit of the agent's counts as the user's.
    void Promise.all([this.#monitor.caughtUp, ignoreRules.settled()]).then(() => {
      if (this.#detached) return; // The hooks' calls wait for the process that reads the rest.
      this.#replayed = undefined;
      this.#caughtUp.resolve();
      // The hook that reported the end of the turn may have reported it to a process that is gone.
      if (replay && this.#turnOver) turns?.ended(false);
    });
    if (this.#detached) this.#monitor.stop();
  }

  /** The run has ended: resolves when all is told that there is to tell of it. */
  async drain(): Promise<void> {
    await Promise.all([this.#monitor?.drain(), this.#git.end(), this.#options.ignoreRules.settled()]);
  }

  /** Looks away: the run may go on, and what the next process needs for that stays on disk. */
  detach(): void {
    this.#detached = true;
    this.#monitor?.stop();
    this.#git.detach();
    this.#options.ignoreRules.detach();
  }

  /** Nothing more is read: those who wait for the log go on. */
  close(): void {
    this.#caughtUp.resolve();
    this.detach();
  }

  /** A hook reports what its call ran with, and that was not what was allowed. */
  breached(breach: Breach): void {
    if (this.#detached) return; // The report stays for the next process.
    const { record, control } = this.#options;
    record.dispatch({ type: 'observed', at: record.clock.now(), observations: [breach] });
    control.stop({ status: 'failed', reason: 'guard_bypassed', error: breach.danger.reason }, 'at-once');
  }

  #observe(observations: readonly Observation[], handle: RunHandle): void {
    const { record, control, guard, limits, lease } = this.#options;
    const replayed = this.#replayed;
    const unasked = replayed !== undefined && this.#unasked;
    const enforced = handle.hooked === true && !unasked && (control.stopping ? 'ended' : true);
    const warnings = handle.hooked ? observations.flatMap(releaseWarning) : [];
    const seen = guard.inspect([...observations, ...warnings], enforced);
    const isRecorded = record.dispatch({
      type: 'observed',
      at: replayed ?? record.clock.now(),
      observations: seen,
      ...(replayed !== undefined && { replayed: true }),
    });
    if (isRecorded) limits.observe(seen);
    for (const observation of seen) {
      if (observation.kind === 'tool-result') lease.after(observation.toolUseId);
      if (observation.kind === 'usage-limit') this.#resetsAt = observation.resetsAt;
      if (observation.kind === 'breach') {
        control.stop({ status: 'failed', reason: 'guard_bypassed', error: observation.danger.reason }, 'at-once');
      }
    }
    const last = observations.at(-1);
    this.#turnOver = last?.kind === 'turn-end';
    if (last?.kind === 'turn-end' && replayed === undefined) handle.turns?.ended(last.hooked);
    if (last?.kind === 'result') handle.channelCoder?.resultSeen();
  }

  /** What an agent does is found out by its log, so that it may not work while that is not read. */
  #late(what: 'log' | 'copy', isLate: boolean): void {
    if (isLate) this.#unseen.add(what);
    else this.#unseen.delete(what);
    if (this.#unseen.size > 0) this.#options.control.hold();
    else this.#options.control.release();
  }

  #backlog(state: BacklogState): void {
    if (state !== 'flood') this.#late('log', state === 'behind');
    else this.#tooLong('was filled faster than it can be read');
  }

  #tooLong(how: string): void {
    this.#options.control.stop({ status: 'failed', reason: 'log_limit', error: `The log ${how}.` }, 'at-once');
  }

  /** The agent has made something that git on the machine would execute or follow. */
  #report({ path, reason }: PlantedFile): void {
    const { record } = this.#options;
    const danger = { level: 'critical', rule: 'git.planted', reason: `${quote(path)}: ${quote(reason)}` } as const;
    const at = record.clock.now();
    record.dispatch({ type: 'observed', at, observations: [{ kind: 'danger', id: '', name: 'git', danger }] });
  }
}
