import { lstat } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { RunRequest } from '../contract/run-request.js';
import type { IgnoreRules } from '../git/ignored/ignore-rules.js';
import type { PlantedFile } from '../git/watch/snapshot.js';
import { GitWatch } from '../git/watch/watch.js';
import type { Breach, RunGuard } from '../guard/run-guard.js';
import type { BacklogState } from '../monitoring/backlog.js';
import { ChannelCoderSource } from '../monitoring/channelcoder-source.js';
import { InjectedSource } from '../monitoring/injected-source.js';
import { LogMonitor, type LogMonitorOptions } from '../monitoring/log-monitor.js';
import { mountedFolder } from '../session/agent-place.js';
import { logBytesOf } from '../session/limits.js';
import type { ModelPrices } from '../session/model-price.js';
import type { Observation } from '../session/observation.js';
import type { RunWitnesses } from '../session/outcome.js';
import type { ToolPolicy } from '../session/policy.js';
import type { UnifiedSession } from '../session/record.js';
import type { RunProgress } from '../session/run-progress.js';
import type { RunRecord } from '../session/run-record.js';
import { deferred } from '../util/deferred.js';
import { quote } from '../util/errors.js';
import type { RunControl } from './control.js';
import { GUARD_MISSING, HooksCheck } from './hooks-check.js';
import type { RunLimits } from './limits.js';
import { ProviderWatch } from './provider-watch.js';
import type { SlotLease } from './slot-lease.js';
import { RunWarnings } from './warnings.js';

export interface RunObserverOptions {
  request: Pick<RunRequest, 'spec' | 'session' | 'folder'>;
  record: RunRecord;
  control: Pick<RunControl, 'stopping' | 'stop' | 'hold' | 'release'>;
  guard: Pick<RunGuard, 'ready' | 'settle' | 'inspect'>;
  limits: Pick<RunLimits, 'observe' | 'alive'>;
  progress: RunProgress;
  lease: Pick<SlotLease, 'after'>;
  ignoreRules: IgnoreRules;
  /** The user's own prices of models. */
  prices: ModelPrices;
}

/** The part of the log that belongs to a run. */
interface LogPart {
  /** Where the part begins, in bytes. */
  offset: number;
  /** Set if an earlier process may have read some of the part. Says how the run's hook was set up. */
  replay: Pick<ToolPolicy, 'onHostLost'> | undefined;
}

/**
 * Observes one run. Compares its log with the guard's decisions and the limits, and finds what the agent plants for git on the
 * machine. Everything that a process needs for this is on disk, so that the next process can continue.
 */
export class RunObserver {
  readonly #options: RunObserverOptions;
  readonly #git: GitWatch;
  readonly #provider: ProviderWatch;
  readonly #hooksCheck: HooksCheck;
  /** The folder where the agent works. Set only if this process launches the run. */
  #checkout: string | undefined;
  readonly #caughtUp = deferred<void>();
  #monitor: LogMonitor | undefined;
  #handle: RunHandle | undefined;
  /** When the log was last written to. Set only while we read lines that an earlier process may already have read. */
  #replayed: number | undefined;
  /** True if calls could run while there was no process to ask. */
  #unasked = false;
  #detached = false;
  /** The sources that are read too late to see what the agent does. */
  readonly #unseen = new Set<'log' | 'copy'>();
  readonly #warnings: RunWarnings;
  /** True if the log, as far as it is read, ends with the end of the agent's turn. */
  #turnOver = false;

  constructor(options: RunObserverOptions) {
    this.#options = options;
    this.#hooksCheck = new HooksCheck(() => {
      // A run that has said its last word makes no calls any more.
      if (!options.progress.isFinal) this.#guardMissing();
    });
    this.#git = new GitWatch(options.request.folder.gitSnapshot, (planted) => this.#report(planted));
    const { spec } = options.request;
    this.#warnings = new RunWarnings(options.record, spec.limits.costUsd);
    this.#provider = new ProviderWatch({
      onOverage: spec.onOverage ?? 'continue',
      attended: spec.mode === 'interactive',
      stop: (stop) => options.control.stop(stop),
    });
  }

  /** Resolves when the record has everything that was in the log when we began to read it. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** What was observed about how the run went. */
  get witnesses(): Omit<RunWitnesses, 'end' | 'stopped'> {
    const { mode, environment } = this.#options.record.session;
    const { isFinal, worksOn, isSilent, open, failedRequest } = this.#options.progress;
    return {
      // A person may leave a terminal before a conversation begins.
      unattended: mode === 'interactive' ? undefined : environment,
      isFinal,
      worksOn,
      isSilent,
      open,
      failedRequest,
      hasEvents: this.#monitor?.hasEvents ?? false,
      result: this.#monitor?.result,
      limit: this.#provider.limit(this.#options.record.clock.now()),
      diagnostics: this.#monitor?.lastDiagnostics ?? [],
    };
  }

  /** What was seen of a run that has not written its first line, for a person. */
  get seenAtStart(): string {
    const { docker, dockerImage } = this.#options.record.session.environment;
    const where = this.#handle?.place ?? (docker ? `image '${dockerImage}'` : 'on the machine');
    const last = this.#monitor?.lastDiagnostics ?? [];
    const said = last.length > 0 ? `Last output: ${last.join(' | ')}` : 'There was no other output either.';
    return `It ran here: ${where}. ${said}`;
  }

  /** Called before a run is taken over. Continues with what the last process has left. */
  async restore(): Promise<void> {
    const { request, ignoreRules, guard } = this.#options;
    ignoreRules.begin(mountedFolder(request.session.environment), false);
    await ignoreRules.settled();
    guard.settle();
    await this.#git.resume();
  }

  /** Called before the agent works. Records the state of the workspace. */
  async before(environment: UnifiedSession['environment']): Promise<void> {
    const { record, ignoreRules } = this.#options;
    this.#checkout = mountedFolder(environment);
    if (record.run.number > 1) {
      ignoreRules.begin(this.#checkout, false);
      await ignoreRules.settled();
    }
    // Without a container, git is not watched, so the agent need not wait for the snapshot.
    if (environment.docker) await this.#git.begin(this.#checkout);
  }

  async start(handle: RunHandle, { offset, replay }: LogPart): Promise<void> {
    const { request, guard, limits, ignoreRules, prices } = this.#options;
    const { folder, spec } = request;
    const { log } = folder;
    this.#handle = handle;
    // git takes some time to read the rules. So this begins only now, after the start of the container, which it would delay. It
    // is early enough, because the agent's first call comes later.
    if (this.#checkout !== undefined) ignoreRules.begin(this.#checkout, true);
    const mostBytes = logBytesOf(spec.limits);
    // Each line of the log is judged at once and in order, so the rules have to be loaded before the first line.
    await guard.ready();
    if (replay) {
      this.#replayed = (await lstat(log)).mtimeMs;
      this.#provider.replay();
    }
    this.#unasked = replay?.onHostLost === 'allow';
    const { transcript, turns, channelCoder } = handle;
    const watch = channelCoder?.watch;
    const ofChannelCoder = watch ? InjectedSource.opening(watch) : ChannelCoderSource.open;
    const options: LogMonitorOptions = {
      logFile: log,
      offset,
      prices,
      ...(transcript?.folder !== undefined && { transcripts: transcript.folder }),
      ...(transcript?.copy && { conversationId: transcript.copy.conversationId }),
      onObservations: (observations) => this.#observe(observations, handle),
      onActivity: () => limits.alive(),
      onBacklog: (state) => this.#backlog(state),
      mostBytes,
      onFull: () => this.#tooLong(`is longer than limits.logBytes (${mostBytes} bytes)`),
    };
    this.#monitor = await LogMonitor.start(options, channelCoder ? ofChannelCoder : undefined);
    transcript?.copy?.watchBacklog?.((behind) => this.#late('copy', behind));
    // The ignore rules are read before the first tool call is decided, so that no commit of the agent's counts as the user's.
    void Promise.all([this.#monitor.caughtUp, ignoreRules.settled()]).then(() => {
      if (this.#detached) return; // The hooks' calls wait for the next process, which reads the rest.
      this.#replayed = undefined;
      guard.settle();
      this.#provider.caughtUp();
      this.#caughtUp.resolve();
      // A hook may have reported the end of the turn to a process that is gone, so we expect no report of a hook.
      if (replay && this.#turnOver) turns?.ended(false);
    });
    if (this.#detached) this.#monitor.stop();
  }

  /** Called when the run has ended. Resolves when everything that was observed is reported. */
  async drain(): Promise<void> {
    this.#hooksCheck.end();
    await Promise.all([this.#monitor?.drain(), this.#git.end(), this.#options.ignoreRules.settled()]);
  }

  /** Stops observing. The run may go on, and what the next process needs stays on disk. */
  detach(): void {
    this.#detached = true;
    this.#provider.end();
    this.#hooksCheck.end();
    this.#monitor?.stop();
    this.#git.detach();
    this.#options.ignoreRules.detach();
  }

  /** Stops reading for good. Everything that waits for `caughtUp` goes on. */
  close(): void {
    this.#caughtUp.resolve();
    this.detach();
  }

  /** Called when a hook has reported a call that ran in another way than the guard allowed. */
  breached(breach: Breach): void {
    if (this.#detached) return; // The report stays for the next process.
    const { record, control } = this.#options;
    record.dispatch({ type: 'observed', at: record.clock.now(), observations: [breach] });
    control.stop({ status: 'failed', reason: 'guard_bypassed', error: breach.danger.reason }, 'at-once');
  }

  #observe(observations: readonly Observation[], handle: RunHandle): void {
    const { record, control, guard, limits, progress, lease } = this.#options;
    const replayed = this.#replayed;
    const asked = replayed !== undefined && this.#unasked ? 'unasked' : control.stopping ? 'ended' : true;
    const enforced = handle.hooked === true && asked;
    const warnings = this.#warnings.about(observations, {
      hooked: handle.hooked === true,
      isReplay: replayed !== undefined,
    });
    const seen = guard.inspect(warnings.length > 0 ? [...observations, ...warnings] : observations, enforced);
    progress.observe(seen);
    const at = replayed ?? record.clock.now();
    const line = { at, observations: seen, ...(replayed !== undefined && { replayed: true as const }) };
    // A mock that has reported an event may look at the record in the same turn of the event loop.
    if (handle.channelCoder ? record.dispatch({ type: 'observed', ...line }) : record.observe(line))
      limits.observe(seen);
    this.#provider.observe(seen);
    for (const observation of seen) {
      if (observation.kind === 'tool-result') lease.after(observation.toolUseId);
      if (observation.kind === 'breach') {
        if (this.#hooksCheck.missing || (observation.neverAsked && handle.hasHookReport))
          this.#guardMissing(` A call has run by then: ${observation.danger.reason}`);
        else control.stop({ status: 'failed', reason: 'guard_bypassed', error: observation.danger.reason }, 'at-once');
      }
      if (observation.kind === 'init' && replayed === undefined) void this.#hooksCheck.begin(handle);
    }
    const last = observations.at(-1);
    this.#turnOver = last?.kind === 'turn-end';
    if (last?.kind === 'turn-end' && replayed === undefined) handle.turns?.ended(last.hooked);
    if (last?.kind === 'result') handle.channelCoder?.resultSeen();
  }

  /** We see what an agent does only in its log. So the agent must not work while the log is read too late. */
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

  /** Claude Code does not run the hooks of the run. An agent cannot have done that before its first call. */
  #guardMissing(more = ''): void {
    const { record, control } = this.#options;
    const error = `${GUARD_MISSING.error}${more}`;
    const observation = {
      kind: 'error',
      severity: 'critical',
      code: 'guard_missing',
      message: GUARD_MISSING.error,
    } as const;
    if (!control.stopping) record.dispatch({ type: 'observed', at: record.clock.now(), observations: [observation] });
    control.stop({ ...GUARD_MISSING, error }, 'at-once');
  }

  #tooLong(how: string): void {
    this.#options.control.stop({ status: 'failed', reason: 'log_limit', error: `The log ${how}.` }, 'at-once');
  }

  /** Reports something that the agent has made and that git on the machine would execute or follow. */
  #report({ path, reason }: PlantedFile): void {
    const { record } = this.#options;
    const danger = { level: 'critical', rule: 'git.planted', reason: `${quote(path)}: ${quote(reason)}` } as const;
    const at = record.clock.now();
    record.dispatch({ type: 'observed', at, observations: [{ kind: 'danger', id: '', name: 'git', danger }] });
  }
}
