import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { nanoid } from 'nanoid';
import { OrchestrationError, shown } from '../errors.js';
import type { RunHandle, RunTrace, SessionSpec } from '../executors/base-executor.js';
import { type LaunchedProcess, launchDetached, type SpawnProcess } from '../executors/launcher.js';
import type { SessionFolder } from '../state/session-folder.js';
import type { RunEnd, SessionMode, SessionRun } from '../types.js';
import { findGitLayout } from '../workspace/git-layout.js';
import { gitEnvironment, gitMounts, readOnlyGitMounts, WORKSPACE } from '../workspace/git-mounts.js';
import { type Mount, type ProtectedPaths, parseMounts, refuseUnsafe, resolveMounts } from '../workspace/mounts.js';
import { sshAccess } from '../workspace/ssh-mounts.js';
import { checkWritable } from '../workspace/workspace-check.js';
import { adoptContainer } from './adopt-container.js';
import { runContainer } from './container-run.js';
import { ContainerWatch } from './container-watch.js';
import type { DockerOptions } from './docker-options.js';
import { DEFAULT_SOCKET, type Endpoint, resolveEndpoint } from './endpoint.js';
import { DockerEngine } from './engine.js';
import { type ImageFacts, ImageProbe } from './image-probe.js';
import { demandOnboarded } from './onboarding.js';
import { dockerRunArgs } from './run-args.js';

/** A session that runs in Docker, with the folder that is its workspace. */
export type DockerSpec = Pick<SessionSpec, 'id' | 'mode' | 'cwd' | 'claude' | 'worktree'> & {
  docker: Readonly<DockerOptions>;
  /** Whether the agent may only read the workspace. */
  readOnly: boolean;
};

/** A container about to be started. */
export interface PlannedContainer {
  name: string;
  labels: Record<string, string>;
  options: Readonly<DockerOptions>;
  mounts: Mount[];
  env: Record<string, string>;
  /** Claude's options, with paths as the container sees them. */
  claude: SessionSpec['claude'];
  /** The mounts as ChannelCoder writes them, for one that starts the container itself. */
  mountStrings: string[];
}

const OWNER_LABEL = 'autonomous-orchestration.owner';
const SESSION_LABEL = 'autonomous-orchestration.session';
const RUN_LABEL = 'autonomous-orchestration.run';
const MODE_LABEL = 'autonomous-orchestration.mode';
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

/** The end of a run whose terminal a person has closed. */
const closed = (): RunEnd => ({ closed: true });

/** Brings sessions and the engine together: what a container gets to see, and how it is run. */
export class DockerEnvironment {
  readonly engine: DockerEngine;
  readonly #host: { env: NodeJS.ProcessEnv; home: string };
  readonly #stateDir: string;
  readonly #spawn: SpawnProcess;
  readonly #owner: string;
  readonly #watch: ContainerWatch;
  readonly #probe: ImageProbe;
  #endpoint: Promise<Endpoint> | undefined;
  #mapping: Promise<boolean> | undefined;
  #lastLaunch: Promise<unknown> = Promise.resolve();

  constructor(options: { stateDir: string; env: NodeJS.ProcessEnv; home: string; spawn: SpawnProcess }) {
    this.#host = options;
    this.#stateDir = options.stateDir;
    this.#spawn = options.spawn;
    this.#owner = createHash('sha256').update(realFolder(options.stateDir)).digest('hex').slice(0, 16);
    this.engine = new DockerEngine(() => this.#resolveEndpoint());
    this.#watch = new ContainerWatch(this.engine, `${OWNER_LABEL}=${this.#owner}`);
    this.#probe = new ImageProbe(
      this.engine,
      { [OWNER_LABEL]: this.#owner },
      () => `ao-probe-${nanoid(10).replaceAll(/[-_]/g, '0')}`,
    );
  }

  /**
   * Refuses what could not run, before anything is made.
   *
   * @throws OrchestrationError as `create()` documents
   */
  async check(spec: DockerSpec): Promise<void> {
    await this.#hostMounts(spec);
    const facts = await this.#facts(spec);
    await sshAccess(spec.docker.ssh ?? false, this.#host, facts.home);
    if (spec.readOnly) return;
    if (!spec.worktree) return this.#checkWritable(spec.cwd, spec, facts);
    // The worktree itself is made by the host, at the start; commits go to the repository's object store.
    const layout = await findGitLayout(spec.cwd);
    if (layout) await this.#checkWritable(resolve(layout.commonDir, 'objects'), spec, facts);
  }

  /**
   * Refuses an image whose Claude would ask a person for things before it begins.
   *
   * @throws OrchestrationError `ONBOARDING_NEEDED`
   */
  async demandOnboarding(docker: Readonly<DockerOptions>): Promise<void> {
    demandOnboarded(await this.#facts({ docker }), docker);
  }

  /**
   * Everything that a container of a session gets. `spec.cwd` is what is mounted at `/workspace`.
   *
   * @param guard what the session's hook needs
   */
  async container(
    spec: DockerSpec,
    folder: SessionFolder,
    run: number,
    guard: { mounts: readonly Mount[]; env: Record<string, string> },
  ): Promise<PlannedContainer> {
    const facts = await this.#facts(spec);
    const ssh = await sshAccess(spec.docker.ssh ?? false, this.#host, facts.home);
    await refuseMoved(spec.cwd);
    if (!spec.readOnly) await this.#checkWritable(spec.cwd, spec, facts);
    const env = { ...ssh.env, ...spec.docker.env };
    const additional = [
      { source: folder.projects, target: `${facts.home}/.claude/projects`, readonly: false },
      ...(await (spec.readOnly ? readOnlyGitMounts(spec.cwd) : gitMounts(spec.cwd))),
      ...(await this.#hostMounts(spec)),
      ...ssh.mounts,
      ...(spec.claude.mcpConfig === undefined
        ? []
        : [{ source: spec.claude.mcpConfig, target: MCP_CONFIG, readonly: true }]),
      // Last, so that no mount of the user's lies on top of them.
      ...guard.mounts,
    ];
    return {
      name: containerName(spec.id, run),
      labels: {
        [OWNER_LABEL]: this.#owner,
        [SESSION_LABEL]: spec.id,
        [RUN_LABEL]: String(run),
        [MODE_LABEL]: spec.mode,
      },
      options: spec.docker,
      mounts: [{ source: spec.cwd, target: WORKSPACE, readonly: spec.readOnly }, ...additional],
      // Claude Code refuses to skip permissions as root unless it is told that it is in a sandbox.
      env: { ...(facts.uid === 0 && { IS_SANDBOX: '1' }), ...guard.env, ...env, ...gitEnvironment(env) },
      claude: spec.claude.mcpConfig === undefined ? spec.claude : { ...spec.claude, mcpConfig: MCP_CONFIG },
      mountStrings: additional.map(({ source, target, readonly }) => `${source}:${target}${readonly ? ':ro' : ''}`),
    };
  }

  /** Starts a container and follows it to its end. */
  run(
    container: PlannedContainer,
    command: string[],
    files: { folder: SessionFolder; inputFile: string },
  ): Promise<RunHandle> {
    const { args, env } = dockerRunArgs({ ...container, command });
    return this.#run(container, () =>
      launchDetached(this.#spawn, {
        command: 'docker',
        args,
        cwd: files.folder.path,
        env: { ...this.#host.env, ...env },
        ...files,
      }),
    );
  }

  /** Starts a container with a terminal, and follows it; whoever ends its client has closed it. */
  runTerminal(
    container: PlannedContainer,
    command: string[],
    launch: (command: string[], env: Record<string, string>) => Promise<LaunchedProcess>,
  ): Promise<RunHandle> {
    const { args, env } = dockerRunArgs({ ...container, command, terminal: true });
    return this.#run(container, () => launch(['docker', ...args], env), closed);
  }

  #run(
    container: PlannedContainer,
    launch: () => Promise<LaunchedProcess>,
    onClientLost?: () => RunEnd,
  ): Promise<RunHandle> {
    return runContainer({
      engine: this.engine,
      watch: this.#watch,
      name: container.name,
      found: false,
      launch: () => this.#inTurn(launch),
      ...(onClientLost && { onClientLost }),
    });
  }

  /**
   * Follows a container that another host has started; undefined where it never executed.
   *
   * @param terminal whether it was started with one
   */
  adopt(sessionId: string, run: SessionRun, log: string, terminal: boolean): Promise<RunHandle | undefined> {
    const labels = { [OWNER_LABEL]: this.#owner, [SESSION_LABEL]: sessionId };
    return adoptContainer({
      labels,
      engine: this.engine,
      watch: this.#watch,
      name: containerName(sessionId, run.number),
      run,
      log,
      ...(terminal && { onClientLost: closed }),
    });
  }

  /** The containers of this state folder. */
  async traces(): Promise<RunTrace[]> {
    const containers = await this.engine.list(`${OWNER_LABEL}=${this.#owner}`);
    const foreign = containers.filter(({ name }) => !this.#probe.isOwn(name));
    return foreign.map(({ name, labels, image, mounts }) => ({
      name,
      ...(labels[SESSION_LABEL] !== undefined && { sessionId: labels[SESSION_LABEL] }),
      run: Number(labels[RUN_LABEL] ?? 0),
      ...(labels[MODE_LABEL] !== undefined && { mode: labels[MODE_LABEL] as SessionMode }),
      environment: {
        docker: true,
        dockerImage: image,
        cwd: mounts.find(({ target }) => target === WORKSPACE)?.source ?? '',
      },
    }));
  }

  close(): void {
    this.#watch.close();
    this.engine.close();
  }

  /** One launch at a time: a spawn blocks the host's event loop, and several in one turn of it would add up. */
  #inTurn<T>(launch: () => Promise<T>): Promise<T> {
    const launched = this.#lastLaunch.then(launch);
    this.#lastLaunch = launched.catch(() => {}); // Its own caller hears of a failure.
    return launched;
  }

  #facts({ docker }: Pick<DockerSpec, 'docker'>): Promise<ImageFacts> {
    return this.#probe.facts(docker.image, docker.user);
  }

  /** The mounts that the user asked for; the workspace is checked like one of them. */
  async #hostMounts({ cwd, docker }: DockerSpec): Promise<Mount[]> {
    const mounts = parseMounts(docker.mounts ?? []);
    const endpoint = await this.#resolveEndpoint();
    const paths: ProtectedPaths = {
      home: this.#host.home,
      stateDir: this.#stateDir,
      engineSockets: [DEFAULT_SOCKET, ...('socketPath' in endpoint ? [endpoint.socketPath] : [])],
    };
    const allowUnsafe = docker.allowUnsafeMounts ?? false;
    if (!allowUnsafe) await refuseUnsafe(cwd, cwd, paths);
    return resolveMounts(mounts, paths, allowUnsafe);
  }

  /** @throws OrchestrationError `WORKSPACE_NOT_WRITABLE` */
  async #checkWritable(folder: string, { docker }: DockerSpec, facts: ImageFacts): Promise<void> {
    // Where users are mapped, as in rootless engines and desktop virtual machines, ids on the host tell nothing.
    if (!(await this.#mapsUsers())) await checkWritable(folder, docker.image, facts);
  }

  async #mapsUsers(): Promise<boolean> {
    if (process.platform !== 'linux') return true;
    // Asked once; a failure is not remembered.
    this.#mapping ??= this.engine.mapsUsers().catch((error: unknown) => {
      this.#mapping = undefined;
      throw error;
    });
    return this.#mapping;
  }

  async #resolveEndpoint(): Promise<Endpoint> {
    // Resolved once; a failure is not remembered.
    this.#endpoint ??= resolveEndpoint(this.#host.env).catch((error: unknown) => {
      this.#endpoint = undefined;
      throw error;
    });
    return this.#endpoint;
  }
}

/** The same for all ways that lead to a folder, also before it exists. */
function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(resolve(path));
    return parent === resolve(path) ? parent : join(realFolder(parent), basename(path));
  }
}

function containerName(sessionId: string, run: number): string {
  return `ao-${sessionId}-${run}`;
}

/** While a session waited, an agent next door may have put a link in the place of its workspace. */
async function refuseMoved(cwd: string): Promise<void> {
  const real = await realpath(cwd).catch(() => undefined);
  if (real === cwd) return;
  const now = real === undefined ? 'is gone' : `leads to ${shown(real)} now`;
  throw new OrchestrationError('UNSAFE_MOUNT', `The workspace ${shown(cwd)} ${now}; create the session anew.`);
}
