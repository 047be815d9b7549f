import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { type Plan, planRun } from '../channelcoder/plan.js';
import type { Worktree } from '../channelcoder/worktrees.js';
import { DockerEnvironment, type DockerSpec } from '../docker/docker-environment.js';
import { OrchestrationError } from '../errors.js';
import { HookChannel } from '../intervention/hook-channel.js';
import { GUARDED_ENV, HookFiles } from '../intervention/hook-files.js';
import { hasBegun } from '../monitoring/has-begun.js';
import { findProcess } from '../state/find-process.js';
import type { SessionFolder } from '../state/session-folder.js';
import type { SessionRun } from '../types.js';
import { findGitLayout } from '../workspace/git-layout.js';
import { WORKSPACE } from '../workspace/git-mounts.js';
import { SessionWorktrees } from '../workspace/session-worktrees.js';
import { resolveWorkspace } from '../workspace/workspace-check.js';
import { adoptRun } from './adopted-run.js';
import {
  BaseExecutor,
  endedRun,
  type Preparation,
  type RunHandle,
  type RunRequest,
  type RunTrace,
  type SessionSpec,
} from './base-executor.js';
import { runOnHost } from './host-run.js';
import { launchDetached, type SpawnProcess } from './launcher.js';
import { orphanedProcess } from './orphaned-process.js';

export interface AutonomousExecutorOptions {
  /** Where the sessions' folders are; containers are labelled with it, so that nobody else's are ever touched. */
  stateDir: string;
  /** The host's environment. Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Default `node:child_process`'s. */
  spawn?: SpawnProcess;
}

/**
 * Runs Claude Code without anybody at the keyboard: in a Docker container with full permissions, or, with
 * `docker: false`, on the host with the user's own. ChannelCoder plans the command; the container outlives the host.
 */
export class AutonomousExecutor extends BaseExecutor {
  readonly #env: NodeJS.ProcessEnv;
  readonly #spawn: SpawnProcess;
  readonly #docker: DockerEnvironment;
  override readonly worktrees: SessionWorktrees;
  override readonly hooked = true;

  constructor({ stateDir, env = process.env, spawn: spawnProcess = spawn }: AutonomousExecutorOptions) {
    super();
    this.#env = env;
    this.#spawn = spawnProcess;
    this.worktrees = new SessionWorktrees(stateDir);
    this.#docker = new DockerEnvironment({ stateDir, env, home: env.HOME ?? homedir(), spawn: spawnProcess });
  }

  async prepare(spec: SessionSpec): Promise<Preparation> {
    const cwd = await resolveWorkspace(spec.cwd);
    if (spec.worktree) {
      if (!(await findGitLayout(cwd))) {
        throw new OrchestrationError(
          'WORKTREE_FAILED',
          `Option 'worktree' needs a git repository, and '${cwd}' is in none.`,
        );
      }
    }
    if (spec.docker === false) await this.#demandClaude();
    else await this.#docker.check({ ...spec, docker: spec.docker, cwd });
    return {
      environment: {
        docker: spec.docker !== false,
        dockerImage: spec.docker === false ? '' : spec.docker.image,
        cwd,
        ...(spec.worktree && { branch: spec.worktree.branch }),
      },
    };
  }

  async launch(request: RunRequest): Promise<RunHandle> {
    const { spec, session } = request;
    const { cwd } = session.environment;
    const worktree = spec.worktree && (await this.worktrees.ensure(spec.id, cwd, spec.worktree));
    const leave = worktree ? this.worktrees.enter(worktree.path, spec.id) : (): void => {};
    const files = new HookFiles(request.folder.guard);
    const channel = new HookChannel(files, request.hooks);
    try {
      await files.create(spec.policy);
      await channel.start();
      const workspace = worktree?.path ?? cwd;
      const handle =
        spec.docker === false
          ? await this.#launchOnHost(request, workspace, worktree, files)
          : await this.#launchInDocker(request, { ...spec, docker: spec.docker, cwd: workspace }, worktree, files);
      return guarded(handle, files, channel, leave);
    } catch (error) {
      channel.close();
      leave();
      // Where the manager was closed, the next one goes on with it.
      const goesOn = error instanceof OrchestrationError && error.code === 'MANAGER_CLOSED';
      if (worktree?.created && !goesOn) await this.worktrees.remove(spec.id, true).catch(() => {}); // The first error counts.
      throw error;
    }
  }

  override async adopt(request: RunRequest): Promise<RunHandle | undefined> {
    const { spec, session, folder } = request;
    const { cwd, worktree } = session.environment;
    const run = session.runs.at(-1) ?? { number: request.run };
    const leave = worktree === undefined ? (): void => {} : this.worktrees.enter(worktree, spec.id);
    let found: RunHandle | undefined;
    try {
      found =
        spec.docker === false
          ? await this.#adoptOnHost(run, session.status === 'paused', folder)
          : await this.#docker.adopt(spec.id, run, folder.log);
    } finally {
      if (!found) leave();
    }
    if (!found) return undefined;
    const files = new HookFiles(folder.guard);
    const channel = new HookChannel(files, request.hooks);
    await channel.start();
    const workspace = worktree ?? cwd;
    const transcripts = spec.docker === false ? this.#hostTranscripts(workspace) : containerTranscripts(folder);
    return guarded({ ...found, hooked: true, transcripts }, files, channel, leave);
  }

  override traces(): Promise<RunTrace[]> {
    return this.#docker.traces();
  }

  override async discard({ name }: RunTrace): Promise<void> {
    await this.#docker.engine.remove(name);
  }

  override close(): void {
    this.#docker.close();
  }

  async #launchOnHost(
    request: RunRequest,
    workspace: string,
    worktree: Worktree | undefined,
    files: HookFiles,
  ): Promise<RunHandle> {
    const plan = await this.#plan(request, request.spec.claude);
    await request.onPlaced(placement(worktree));
    if (plan.kind === 'started') return adoptRun(plan, this.#docker.engine);
    const [command = 'claude', ...args] = [
      ...plan.command,
      '--settings',
      await files.hostSettings(),
      ...budget(request),
    ];
    const { folder } = request;
    const inputFile = await this.#writeInput(request, plan.stdin);
    const launched = await launchDetached(this.#spawn, {
      command,
      args,
      cwd: workspace,
      env: { ...GUARDED_ENV, ...this.#env },
      folder,
      inputFile,
    });
    return { ...runOnHost(launched), hooked: true, transcripts: this.#hostTranscripts(workspace) };
  }

  /** A `claude` that another host has started; its settings file is in no other's command line. */
  async #adoptOnHost(run: SessionRun, paused: boolean, folder: SessionFolder): Promise<RunHandle | undefined> {
    const files = new HookFiles(folder.guard);
    const identity = run.process ?? (await findProcess('--settings', files.settings));
    if (identity) return { ...runOnHost(orphanedProcess(identity)), paused };
    const began = run.startedAt !== undefined || (await hasBegun(folder.log, run.logOffset ?? 0));
    return began ? endedRun({ unknown: true }) : undefined;
  }

  #hostTranscripts(workspace: string): string {
    return join(this.#env.HOME ?? homedir(), '.claude/projects', transcriptFolder(workspace));
  }

  async #launchInDocker(
    request: RunRequest,
    spec: DockerSpec,
    worktree: Worktree | undefined,
    files: HookFiles,
  ): Promise<RunHandle> {
    const { folder, run } = request;
    const container = await this.#docker.container(spec, folder, run, {
      mounts: await files.mounts(),
      env: GUARDED_ENV,
    });
    const docker = { image: spec.docker.image, cwd: spec.cwd, env: container.env, mounts: container.mountStrings };
    const plan = await this.#plan(request, container.claude, docker);
    await request.onPlaced({ containerName: container.name, ...placement(worktree) });
    if (plan.kind === 'started') return adoptRun(plan, this.#docker.engine);
    const inputFile = await this.#writeInput(request, plan.stdin);
    const handle = await this.#docker.run(container, [...plan.command, ...budget(request)], { folder, inputFile });
    return { ...handle, hooked: true, transcripts: containerTranscripts(folder) };
  }

  #plan(
    request: RunRequest,
    claude: SessionSpec['claude'],
    docker?: Parameters<typeof planRun>[0]['docker'],
  ): Promise<Plan> {
    return planRun({
      prompt: request.feedback === undefined ? request.spec.prompt : { text: request.feedback },
      ...(request.resume !== undefined && { resume: request.resume }),
      ...(docker && { docker }),
      logFile: request.folder.log,
      claude,
    });
  }

  async #writeInput({ folder, run }: RunRequest, text: string): Promise<string> {
    const file = folder.input(run);
    await folder.write(file, text);
    return file;
  }

  async #demandClaude(): Promise<void> {
    for (const folder of (this.#env.PATH ?? '').split(delimiter).filter(Boolean)) {
      const found = await access(join(resolve(folder), 'claude'), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return;
    }
    throw new OrchestrationError(
      'CLAUDE_NOT_FOUND',
      "docker: false runs the host's own 'claude', and there is none on the PATH. Install @anthropic-ai/claude-code.",
    );
  }
}

/** Claude Code takes no budget of nothing. */
const LEAST_BUDGET_USD = 0.000_001;

/** Claude Code stops itself at its budget, which holds while no host is there; it knows of this run only. */
function budget({ spec, session }: RunRequest): string[] {
  const { costUsd } = spec.limits;
  return costUsd === undefined
    ? []
    : ['--max-budget-usd', String(Math.max(LEAST_BUDGET_USD, costUsd - (session.metadata.costUsd ?? 0)))];
}

/** The folder that Claude Code keeps a working directory's conversations in (measured on 2.1.98). */
function transcriptFolder(cwd: string): string {
  return cwd.replaceAll(/[^a-zA-Z0-9]/g, '-');
}

function containerTranscripts({ projects }: SessionFolder): string {
  return join(projects, transcriptFolder(WORKSPACE));
}

/** A run with its guard: the channel is closed with it, and the guard's files go when nothing is left of it. */
function guarded(handle: RunHandle, files: HookFiles, channel: HookChannel, leave: () => void): RunHandle {
  void handle.ended.then(() => {
    channel.close();
    leave();
  });
  return {
    ...handle,
    detach() {
      channel.close();
      handle.detach();
    },
    async release() {
      await handle.release?.();
      await files.remove().catch(() => {}); // A later sweep finds them.
    },
  };
}

function placement(worktree: Worktree | undefined): Pick<Parameters<RunRequest['onPlaced']>[0], 'environment'> {
  return worktree ? { environment: { worktree: worktree.path, branch: worktree.branch } } : {};
}
