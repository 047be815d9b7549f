import { lstat, rm } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { RunRequest } from '../contract/run-request.js';
import { IgnoreRules } from '../git/ignore-rules.js';
import { WORKSPACE } from '../git/mounts.js';
import type { PlantedFile } from '../git/snapshot.js';
import { GitWatch } from '../git/watch.js';
import { toolsOff } from '../guard/claude-tools.js';
import { DecisionLog } from '../guard/decision-log.js';
import { RunGuard } from '../guard/run-guard.js';
import { HookFiles } from '../mailbox/hook-files.js';
import { SteeringQueue } from '../mailbox/steering-queue.js';
import type { BacklogState } from '../monitoring/backlog.js';
import { StreamMonitor } from '../monitoring/stream-monitor.js';
import { releaseWarning } from '../monitoring/tested-releases.js';
import type { SessionAction } from '../session/actions.js';
import { logBytesOf } from '../session/limits.js';
import type { Observation } from '../session/observation.js';
import type { RunWitnesses } from '../session/outcome.js';
import type { ToolPolicy } from '../session/policy.js';
import type { UnifiedSession } from '../session/record.js';
import type { RunStop, SessionRun } from '../session/run.js';
import { frozenMsSince } from '../session/run-time.js';
import { deferred } from '../util/deferred.js';
import { shown } from '../util/errors.js';
import { mountTargets } from '../workspace/mounts.js';
import { RunLimits, type Spending } from './limits.js';

export interface RunWatchOptions {
  request: Pick<RunRequest, 'spec' | 'session' | 'folder'>;
  now: () => number;
  spending: () => Spending;
  /** Told of each tool call that is over. */
  onToolEnd: (toolUseId: string) => void;
  /** Undefined where the record does not change any more. */
  dispatch: (action: SessionAction) => UnifiedSession | undefined;
  stop: (stop: RunStop, how: 'gently' | 'at-once') => void;
  /** Keeps the agent from working until `release`. */
  hold: () => void;
  release: () => void;
  /** Whether the run was told to end. */
  stopping: () => boolean;
  /** The run as it is on record. */
  run: () => SessionRun;
}

/** Where in the log a run begins, and what another host may have read of it. */
interface LogPart {
  offset: number;
  replay: Pick<ToolPolicy, 'onHostLost'> | undefined;
}

/**
 * All that is seen of one run: its log, held against the guard's decisions and the limits, and what it plants for git on
 * the host. What a host has to know for that is on disk, so that another can go on with it.
 */
export class RunWatch {
  readonly guard: RunGuard;
  readonly steering: SteeringQueue;
  readonly limits: RunLimits;
  readonly #options: RunWatchOptions;
  readonly #decisions: DecisionLog;
  readonly #git: GitWatch;
  readonly #ignoreRules: IgnoreRules;
  /** Where the agent works, of a run that is launched here. */
  #checkout: string | undefined;
  readonly #caughtUp = deferred<void>();
  #monitor: StreamMonitor | undefined;
  #resetsAt: number | undefined;
  /** When the log was written to last, while it tells what another host may have read. */
  #replayed: number | undefined;
  /** Whether calls could run while no host was there. */
  #unasked = false;
  #detached = false;
  /** What of the agent's doing is read too late. */
  readonly #unseen = new Set<'log' | 'copy'>();
  /** Whether the log ends with the end of the agent's turn. */
  #turnOver = false;

  constructor(options: RunWatchOptions) {
    this.#options = options;
    const { spec, session, folder } = options.request;
    const { docker, cwd, worktree } = session.environment;
    this.#decisions = new DecisionLog(folder.decisions);
    const { parentId } = session;
    this.#ignoreRules = new IgnoreRules(
      folder.ignoreRules,
      parentId === undefined ? undefined : folder.beside(parentId).ignoreRules,
    );
    this.#git = new GitWatch(folder.gitSnapshot, (planted) => this.#report(planted));
    this.steering = new SteeringQueue(folder.steering);
    this.limits = new RunLimits(spec.limits, options.spending, (excess) =>
      options.stop({ status: 'failed', ...excess }, 'gently'),
    );
    this.guard = new RunGuard({
      policy: spec.policy,
      place: {
        workspace: docker ? WORKSPACE : (worktree ?? cwd),
        container: docker,
        mounts: spec.docker ? mountTargets(spec.docker.mounts ?? []) : [],
        ignored: this.#ignoreRules.ignored,
      },
      now: options.now,
      dispatch: (action) => void options.dispatch(action),
      decisions: this.#decisions,
      off: toolsOff(spec.claude.tools),
      onBreach: (breach) => this.#breached(breach),
      frozenMs: (since) => frozenMsSince(options.run(), since, options.now()),
    });
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

  /** Before a run is taken over: goes on with what its last host has left. */
  async restore(): Promise<void> {
    const files = new HookFiles(this.#options.request.folder.guard);
    await this.guard.restore();
    await this.steering.restore((answer) => files.wasAnswered(answer));
    const { worktree, cwd } = this.#options.request.session.environment;
    this.#ignoreRules.begin(worktree ?? cwd, false);
    await this.#ignoreRules.settled();
    await this.#git.resume();
  }

  /** Before a launch: what the guard has decided about an earlier run says nothing about this one. */
  async clear(): Promise<void> {
    await this.#decisions.clear();
  }

  /** Notes how things are before the agent comes. */
  async before({ docker, worktree, cwd }: UnifiedSession['environment']): Promise<void> {
    this.#checkout = worktree ?? cwd;
    if (this.#options.run().number > 1) {
      this.#ignoreRules.begin(this.#checkout, false);
      await this.#ignoreRules.settled();
    }
    // On the host itself an agent need not wait for git.
    if (docker) await this.#git.begin(this.#checkout);
  }

  async start(handle: RunHandle, { offset, replay }: LogPart): Promise<void> {
    const { folder, spec } = this.#options.request;
    const { log } = folder;
    // Git takes its time, of which the start of a container should get nothing, and the agent's first call comes later.
    if (this.#checkout !== undefined) this.#ignoreRules.begin(this.#checkout, true);
    const mostBytes = logBytesOf(spec.limits);
    // Each line of the log is judged at once and in order, so that the rules have to be there before the first one.
    await this.guard.ready();
    if (replay) this.#replayed = (await lstat(log)).mtimeMs;
    this.#unasked = replay?.onHostLost === 'allow';
    this.#monitor = await StreamMonitor.start({
      logFile: log,
      offset,
      ...(handle.transcripts !== undefined && { transcripts: handle.transcripts }),
      ...(handle.conversationId !== undefined && { conversationId: handle.conversationId }),
      onObservations: (observations) => this.#observe(observations, handle),
      onActivity: () => this.limits.alive(),
      onBacklog: (state) => this.#backlog(state),
      mostBytes,
      onFull: () => this.#tooLong(`is longer than limits.logBytes (${mostBytes} bytes)`),
    });
    handle.watchBacklog?.((behind) => this.#late('copy', behind));
    void this.#monitor.caughtUp.then(() => {
      if (this.#detached) return; // The hooks' calls wait for the host that reads the rest.
      this.#replayed = undefined;
      this.#caughtUp.resolve();
      // Whatever hook told of it may have told a host that is gone, or none.
      if (replay && this.#turnOver) handle.turnEnded?.(false);
    });
    if (this.#detached) this.#monitor.stop();
  }

  /** The run has ended: resolves when all is told that there is to tell of it. */
  async drain(): Promise<void> {
    await Promise.all([this.#monitor?.drain(), this.#git.end(), this.#ignoreRules.settled()]);
  }

  /** Looks away: the run may go on, and what another host needs for that stays on disk. */
  detach(): void {
    this.#detached = true;
    this.#monitor?.stop();
    this.limits.end();
    this.steering.end();
    this.#decisions.close();
    this.#git.detach();
    this.#ignoreRules.detach();
  }

  /**
   * The run is over. The decisions stay until the next one is launched: a host that is killed before the session's end is
   * on disk leaves the log to be read again, and each call that is not among them would be a breach.
   */
  async close(): Promise<void> {
    this.guard.approvals.end('The run is over.');
    this.#caughtUp.resolve();
    this.detach();
    // A message that stays is one of a run that is over: nobody hands it out.
    const { steering, held } = this.#options.request.folder;
    await Promise.all([steering, held].map((file) => rm(file, { force: true }).catch(() => {})));
  }

  #observe(observations: readonly Observation[], handle: RunHandle): void {
    const { now, dispatch, stop, stopping } = this.#options;
    const replayed = this.#replayed;
    const unasked = replayed !== undefined && this.#unasked;
    const enforced = handle.hooked === true && !unasked && (stopping() ? 'ended' : true);
    const warnings = handle.hooked ? observations.flatMap(releaseWarning) : [];
    const seen = this.guard.inspect([...observations, ...warnings], enforced);
    const session = dispatch({
      type: 'observed',
      at: replayed ?? now(),
      observations: seen,
      ...(replayed !== undefined && { replayed: true }),
    });
    if (session) this.limits.observe(seen);
    for (const observation of seen) {
      if (observation.kind === 'tool-result') this.#options.onToolEnd(observation.toolUseId);
      if (observation.kind === 'usage-limit') this.#resetsAt = observation.resetsAt;
      if (observation.kind === 'breach') {
        stop({ status: 'failed', reason: 'guard_bypassed', error: observation.danger.reason }, 'at-once');
      }
    }
    const last = observations.at(-1);
    this.#turnOver = last?.kind === 'turn-end';
    if (last?.kind === 'turn-end' && replayed === undefined) handle.turnEnded?.(last.hooked);
    if (last?.kind === 'result') handle.resultSeen?.();
  }

  /** What an agent does is found out by its log, so that it may not work while that is not read. */
  #late(what: 'log' | 'copy', isLate: boolean): void {
    if (isLate) this.#unseen.add(what);
    else this.#unseen.delete(what);
    if (this.#unseen.size > 0) this.#options.hold();
    else this.#options.release();
  }

  #backlog(state: BacklogState): void {
    if (state !== 'flood') this.#late('log', state === 'behind');
    else this.#tooLong('was filled faster than it can be read');
  }

  #tooLong(how: string): void {
    this.#options.stop({ status: 'failed', reason: 'log_limit', error: `The log ${how}.` }, 'at-once');
  }

  /** A hook reports what its call ran with, and that was not what was allowed. */
  #breached(breach: Observation): void {
    if (this.#detached) return; // The report stays for the next host.
    const { dispatch, now, stop } = this.#options;
    dispatch({ type: 'observed', at: now(), observations: [breach] });
    if (breach.kind !== 'breach') return;
    stop({ status: 'failed', reason: 'guard_bypassed', error: breach.danger.reason }, 'at-once');
  }

  /** Something was made for git on the host to execute or to follow. */
  #report({ path, reason }: PlantedFile): void {
    const { dispatch, now } = this.#options;
    const danger = { level: 'critical', rule: 'git.planted', reason: `${shown(path)}: ${shown(reason)}` } as const;
    dispatch({ type: 'observed', at: now(), observations: [{ kind: 'danger', id: '', name: 'git', danger }] });
  }
}
