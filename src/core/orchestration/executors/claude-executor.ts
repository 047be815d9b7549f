import { join, relative } from 'node:path';
import { startInjected } from '../channelcoder/injected-run.js';
import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import type { Leftover } from '../contract/executor.js';
import { endedRun, type RunHandle } from '../contract/run-handle.js';
import type { RunHooks } from '../contract/run-hooks.js';
import type { RunRequest } from '../contract/run-request.js';
import type { Preparation, SessionSpec } from '../contract/session-spec.js';
import type { ContainerGround, PlannedContainer } from '../docker/container-planner.js';
import type { DockerSpec } from '../docker/docker-spec.js';
import { withKeptUser } from '../docker/kept-user.js';
import { requireConfined } from '../git/repository/confinement.js';
import type { Worktree } from '../git/worktrees/worktrees.js';
import { toolsOff } from '../guard/claude-tools.js';
import { GUARDED_ENV } from '../guard/guard-environment.js';
import { requireSafeSettings } from '../guard/workspace-settings.js';
import type { GuardedRun } from '../mailbox/guard-settings.js';
import { Mailbox } from '../mailbox/mailbox.js';
import { MailboxFiles } from '../mailbox/mailbox-files.js';
import { hasBegun } from '../monitoring/has-begun.js';
import { defaultStateDir } from '../options/resolve.js';
import { findProcess } from '../process/find-process.js';
import type { LaunchedProcess } from '../process/launcher.js';
import { orphanedProcess } from '../process/orphaned-process.js';
import { inWorkspace, mountedFolder, partOf, workingFolder } from '../session/agent-place.js';
import type { SessionEnvironment } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import type { SessionMode } from '../session/status.js';
import { allDone } from '../util/deferred.js';
import { defined } from '../util/defined.js';
import { OrchestrationError } from '../util/errors.js';
import type { Mount } from '../workspace/mount.js';
import { resolveWorkspace } from '../workspace/workspace-check.js';
import { BaseExecutor, type ManagerOfExecutor } from './base-executor.js';
import { type ClaudeExecutorOptions, ClaudeRuntime } from './claude-runtime.js';
import { enterWorktree, telling } from './entered-worktree.js';
import { guarded, leaving } from './guarded-run.js';
import { placeInWords } from './place-in-words.js';
import type { PlacedRun } from './placed-run.js';
import { confined, rootOf, transcriptFolder } from './placement.js';
import { injectedRequest } from './plan-request.js';
import { runOnHost } from './process/host-run.js';
import { loginOfSetup, setupOf, withSetup } from './setup-run.js';

/** What a mode gives an agent in addition to the guard. */
export interface Extras {
  /** Only for a run in a container. */
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs Claude Code in a Docker container with full permissions. With `docker: false`, runs it directly on the machine with the
 * user's permissions. ChannelCoder plans the command. The container or the `claude` process outlives this process. Each mode has
 * a class that extends this one and overrides what the mode does differently.
 */
export abstract class ClaudeExecutor extends BaseExecutor {
  abstract readonly mode: SessionMode;
  readonly #options: ClaudeExecutorOptions;
  #runtime: ClaudeRuntime | undefined;
  /** True if the workspace is mounted read-only. */
  protected readonly readOnly: boolean = false;
  /** True if Claude runs in a terminal, with a person who takes turns with the agent. */
  protected readonly terminal: boolean = false;
  override readonly hooked = true;

  declare stateDir?: string;
  declare worktrees?: ClaudeRuntime['worktrees'];

  /** @param options pass a runtime if several executors share it */
  constructor(options: ClaudeExecutorOptions | ClaudeRuntime = {}) {
    super();
    this.#options = options instanceof ClaudeRuntime ? {} : defined(options);
    if (options instanceof ClaudeRuntime) this.#use(options);
    else if (options.stateDir !== undefined) this.attach({ stateDir: options.stateDir });
  }

  /** The ChannelCoder that was given to this executor. */
  protected get channelCoder(): ChannelCoderModule | undefined {
    return this.#options.channelCoder;
  }

  override attach(manager: ManagerOfExecutor): void {
    if (!this.#runtime) this.#use(new ClaudeRuntime({ ...manager, ...this.#options }));
  }

  /** An executor that nobody has attached uses the default state folder. */
  protected get runtime(): ClaudeRuntime {
    return this.#runtime ?? this.#use(new ClaudeRuntime({ stateDir: defaultStateDir(), ...this.#options }));
  }

  #use(runtime: ClaudeRuntime): ClaudeRuntime {
    this.#runtime = runtime;
    this.stateDir = runtime.stateDir;
    this.worktrees = runtime.worktrees;
    return runtime;
  }

  /** The session's options, with the changes that the mode makes. The same options always give the same result. */
  protected specFor(spec: SessionSpec): SessionSpec {
    return spec;
  }

  /** What the mode gives the agent in addition to the guard. Default: nothing. */
  protected async extras(_files: MailboxFiles, _docker: boolean): Promise<Extras> {
    return { mounts: [], env: {} };
  }

  /** What answers the requests of the run's hooks. Default: the hooks of the request, unchanged. */
  protected hooksOf({ hooks }: RunRequest): RunHooks {
    return hooks;
  }

  /**
   * Adds to a run's handle how the run can be observed.
   *
   * @param workspace the path on the machine
   */
  protected observable(handle: RunHandle, request: RunRequest, workspace: string): RunHandle {
    return { ...handle, hooked: true, transcript: { folder: this.transcripts(request, workspace) } };
  }

  /** The folder on the machine where Claude keeps the transcripts of a run's conversation. */
  protected transcripts({ spec, folder, session }: RunRequest, workspace: string): string {
    return spec.docker === false
      ? join(this.runtime.home, '.claude/projects', transcriptFolder(workspace))
      : join(folder.projects, transcriptFolder(inWorkspace(partOf(session.environment))));
  }

  /** The process that an earlier process has started on the machine for a run without Docker. Undefined if there is none. */
  protected async findProcess({ session, folder }: RunRequest): Promise<LaunchedProcess | undefined> {
    const known = session.runs.at(-1)?.process;
    // No other process is started with this settings path in its command line, so it identifies the run.
    const left = known ?? (await findProcess('--settings', new MailboxFiles(folder.guard).settings));
    return left && orphanedProcess(left);
  }

  /** Facts for the record that are taken when a session enters its worktree for the first time. Default: none. */
  protected async onFirstWorktree(_worktree: Worktree): Promise<Partial<SessionEnvironment>> {
    return {};
  }

  async prepare(given: SessionSpec): Promise<Preparation> {
    const spec = this.specFor(given);
    const cwd = await resolveWorkspace(spec.cwd);
    const injected = await this.runtime.injected();
    const root = injected ? cwd : await rootOf(cwd, spec);
    await requireConfined(root, spec.workspaces);
    if (spec.docker === false && !injected) await this.runtime.requireClaude();
    const [worktree, checked] = await allDone([
      spec.worktree && this.runtime.worktrees.check(cwd, confined(spec.worktree, spec)),
      spec.docker === false || injected
        ? undefined
        : this.runtime.docker.planner.check({
            ...spec,
            docker: spec.docker,
            cwd: root,
            part: relative(root, cwd),
            readOnly: this.readOnly,
          }),
    ]);
    return {
      ...checked,
      ...(worktree && { worktree }),
      environment: {
        docker: spec.docker !== false,
        dockerImage: spec.docker === false ? '' : spec.docker.image,
        cwd,
        ...(root !== cwd && { root }),
        ...(spec.worktree && { branch: spec.worktree.branch }),
      },
    };
  }

  async launch(given: RunRequest): Promise<RunHandle> {
    await given.folder.requireOwn();
    const request = await withKeptUser({ ...given, spec: this.specFor(given.spec) });
    const { spec, session } = request;
    const { cwd } = session.environment;
    const entered = spec.worktree && (await enterWorktree(this.runtime.worktrees, spec, spec.worktree, cwd));
    const leave = entered?.leave ?? (async (): Promise<void> => {});
    const files = new MailboxFiles(request.folder.guard, this.terminal);
    const injected = await this.runtime.injected();
    const channel = new Mailbox(files, this.hooksOf(request));
    try {
      const environment = entered ? await this.#placement(entered.worktree, session.environment) : {};
      const place = { ...session.environment, ...environment };
      const [mounted, workspace] = [mountedFolder(place), workingFolder(place)];
      // `prepare` has checked this, but the session may have waited for a long time since then.
      await requireConfined(mounted, spec.workspaces);
      const run = { request: telling(request, entered), mounted, workspace, environment, files };
      if (injected) {
        await run.request.onPlaced({ environment });
        await (await request.folder.openLog()).close(); // Its readers expect a file, and a fake need not write one.
        return leaving(await startInjected(injected, { ...injectedRequest(run), cwd: workspace }), leave);
      }
      this.runtime.warnInTests();
      const [ground] = await allDone([
        spec.docker === false
          ? undefined
          : // An agent can put folders of others in the place of one in its workspace, but not in the place of the workspace.
            this.runtime.docker.planner.ground({ ...spec, docker: spec.docker, cwd: mounted, readOnly: this.readOnly }),
        files.create(spec.policy).then(() => channel.start()),
        requireSafeSettings(mounted, workspace),
      ]);
      const handle =
        ground && spec.docker ? await this.#launchInDocker(run, spec.docker, ground) : await this.launchOnHost(run);
      const words = ground && spec.docker ? { place: placeInWords(spec.docker, ground.agent) } : {};
      return guarded({ ...handle, ...words }, files, channel, leave);
    } catch (error) {
      channel.close();
      // If the manager was closed, the worktree stays: the next manager goes on with it.
      const goesOn = error instanceof OrchestrationError && error.code === 'MANAGER_CLOSED';
      await (goesOn ? leave() : entered?.undo());
      throw error;
    }
  }

  override async adopt(request: RunRequest): Promise<RunHandle | undefined> {
    const { spec, session, folder } = request;
    await folder.requireOwn();
    const { worktree } = session.environment;
    const run = session.runs.at(-1) ?? { number: request.run };
    // An injected ChannelCoder cannot be asked about a run of an earlier process.
    if (await this.runtime.injected()) return super.adopt(request);
    const nothing = async (): Promise<void> => {};
    // If another session works there by now, the agent of this one has ended, and only its end is still to be read.
    const entering = worktree === undefined ? undefined : this.runtime.worktrees.enter(worktree, spec.id);
    const leave = (await entering?.catch(() => nothing)) ?? nothing;
    let found: RunHandle | undefined;
    try {
      found =
        spec.docker === false
          ? await this.#adoptOnHost(request, run)
          : await this.runtime.docker.adopt(spec.id, run, folder.log, this.terminal);
    } finally {
      if (!found) await leave();
    }
    if (!found) return undefined;
    const files = new MailboxFiles(folder.guard, this.terminal);
    const channel = new Mailbox(files, this.hooksOf(request));
    await channel.start();
    const login = await loginOfSetup(this.runtime.login, spec);
    const seen = this.observable(found, request, workingFolder(session.environment));
    const observed = withSetup(seen, spec, files, login);
    return guarded(observed, files, channel, leave);
  }

  override async leftovers(): Promise<Leftover[]> {
    if (await this.runtime.injected()) return [];
    return (await this.runtime.docker.leftovers()).filter(({ mode }) => mode === undefined || mode === this.mode);
  }

  override async removeLeftover({ name }: Leftover): Promise<void> {
    await this.runtime.docker.engine.remove(name);
  }

  override async close(): Promise<void> {
    await this.#runtime?.close();
  }

  /** What the guard's settings depend on. If the run has a container, the container's variables replace `env`. */
  protected guardedRun({ spec }: RunRequest): GuardedRun {
    return { env: this.runtime.env, off: toolsOff(spec.claude.tools, spec.mode) };
  }

  protected abstract launchOnHost(run: PlacedRun): Promise<RunHandle>;

  protected abstract launchInContainer(run: PlacedRun, container: PlannedContainer): Promise<RunHandle>;

  async #launchInDocker(run: PlacedRun, docker: DockerSpec['docker'], ground: ContainerGround): Promise<RunHandle> {
    const { spec, folder, run: number } = run.request;
    const [cwd, part] = [run.mounted, relative(run.mounted, run.workspace)];
    const placed = { ...spec, docker, cwd, part, readOnly: this.readOnly };
    const [{ mounts, env }, files, setup] = await allDone([
      this.extras(run.files, true),
      run.files.mounts({ ...this.guardedRun(run.request), env: ground.env }),
      setupOf(spec, run.files, this.terminal),
    ]);
    // An agent can write there, so it does not come last: the last mount is the canary.
    const guard = { mounts: [...setup.mounts, ...files, ...mounts], env: { ...env, ...GUARDED_ENV } };
    const identity = this.runtime.docker.identity(spec, number);
    const container = await this.runtime.docker.planner.container(placed, identity, folder, ground, guard);
    const launched = await this.launchInContainer(run, { ...container, before: setup.words });
    return withSetup(launched, spec, run.files, ground.login);
  }

  async #placement(worktree: Worktree, before: SessionEnvironment): Promise<Partial<SessionEnvironment>> {
    const first = before.base === undefined ? await this.onFirstWorktree(worktree) : {};
    return { worktree: worktree.path, branch: worktree.branch, ...first };
  }

  async #adoptOnHost(request: RunRequest, run: SessionRun): Promise<RunHandle | undefined> {
    const { session, folder } = request;
    const left = await this.findProcess(request);
    if (left) return runOnHost(left, session.status === 'paused');
    const began = run.startedAt !== undefined || (await hasBegun(folder.log, run.logOffset ?? 0));
    return began ? endedRun({ unknown: true }) : undefined;
  }
}
