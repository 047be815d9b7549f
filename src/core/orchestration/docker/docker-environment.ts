import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Leftover } from '../contract/executor.js';
import type { RunHandle } from '../contract/run-handle.js';
import type { SessionFolder } from '../contract/session-folder.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { StoredLogin } from '../login/stored-login.js';
import { type LaunchedProcess, launchDetached, type Starter } from '../process/launcher.js';
import { WORKSPACE } from '../session/agent-place.js';
import type { RunEnd, SessionRun } from '../session/run.js';
import type { SessionMode } from '../session/status.js';
import { serialized } from '../util/serialized.js';
import { adoptContainer } from './adopt-container.js';
import { ContainerPlanner, type PlannedContainer } from './container-planner.js';
import { runContainer } from './container-run.js';
import { ContainerWatch } from './container-watch.js';
import { type Endpoint, resolveEndpoint } from './endpoint.js';
import { DockerEngine } from './engine.js';
import { HelperContainers } from './helper-containers.js';
import { ImageProbe } from './image-probe.js';
import { ProbedImages } from './probed-images.js';
import { dockerRunArgs } from './run-args.js';
import { SessionCaches } from './session-caches.js';
import { ShortContainers } from './short-containers.js';

const OWNER_LABEL = 'autonomous-orchestration.owner';
const SESSION_LABEL = 'autonomous-orchestration.session';
const RUN_LABEL = 'autonomous-orchestration.run';
const MODE_LABEL = 'autonomous-orchestration.mode';

export interface DockerEnvironmentOptions {
  stateDir: string;
  /** The environment of this process. It says which engine to use, and the docker client gets it. */
  env: NodeJS.ProcessEnv;
  /** The home folder of the user that this process runs as. */
  home: string;
  starter: Starter;
  /** The login of sessions whose options give none. */
  login: StoredLogin;
}

/** The end of a run whose terminal a person has closed. */
const closed = (): RunEnd => ({ closed: true });

/** The containers of one state folder. Starts and follows them. Recognizes them by their labels. */
export class DockerEnvironment {
  readonly engine: DockerEngine;
  /** Decides how a container is made, before it is run here. */
  readonly planner: ContainerPlanner;
  readonly #env: NodeJS.ProcessEnv;
  readonly #starter: Starter;
  readonly #owner: string;
  readonly #watch: ContainerWatch;
  readonly #short: ShortContainers;
  readonly #caches: SessionCaches;
  #endpoint: Promise<Endpoint> | undefined;
  /** One launch at a time. A spawn blocks the event loop of this process, and the times of several in one turn would add up. */
  readonly #serialized = serialized();

  constructor({ stateDir, env, home, starter, login }: DockerEnvironmentOptions) {
    this.#env = env;
    this.#starter = starter;
    this.#owner = createHash('sha256').update(realFolder(stateDir)).digest('hex').slice(0, 16);
    this.engine = new DockerEngine(() => this.#resolveEndpoint());
    this.#watch = new ContainerWatch(this.engine, `${OWNER_LABEL}=${this.#owner}`);
    this.#short = new ShortContainers(this.engine, { [OWNER_LABEL]: this.#owner });
    const probe = new ImageProbe(this.engine, this.#short, new ProbedImages(join(stateDir, 'images.json')));
    const helpers = new HelperContainers(this.#short);
    this.#caches = new SessionCaches({ volumes: this.engine.volumes, helpers, owner: this.#owner });
    this.planner = new ContainerPlanner({
      engine: this.engine,
      probe,
      helpers,
      endpoint: () => this.#resolveEndpoint(),
      stateDir,
      host: { env, home },
      login,
    });
  }

  /** The name and labels by which this process and all later ones recognize the container of a run. */
  identity(session: Pick<SessionSpec, 'id' | 'mode'>, run: number): Pick<PlannedContainer, 'name' | 'labels'> {
    return {
      name: containerName(session.id, run),
      labels: {
        [OWNER_LABEL]: this.#owner,
        [SESSION_LABEL]: session.id,
        [RUN_LABEL]: String(run),
        [MODE_LABEL]: session.mode,
      },
    };
  }

  /**
   * Starts a container and follows it to its end.
   *
   * @param files `mostFileBytes` is how long the log may get, in bytes
   */
  run(
    container: PlannedContainer,
    command: string[],
    files: { folder: SessionFolder; inputFile: string; mostFileBytes: number },
  ): Promise<RunHandle> {
    return this.#run(container, { command }, (args, env) =>
      launchDetached(this.#starter, {
        command: 'docker',
        args,
        cwd: files.folder.path,
        env: { ...this.#env, ...env },
        ...files,
      }),
    );
  }

  /** Starts a container with a terminal and follows it to its end. Ending the docker client closes the session. */
  runTerminal(
    container: PlannedContainer,
    command: string[],
    launch: (command: string[], env: Record<string, string>) => Promise<LaunchedProcess>,
  ): Promise<RunHandle> {
    const start = (args: string[], env: Record<string, string>): Promise<LaunchedProcess> =>
      launch(['docker', ...args], env);
    return this.#run(container, { command, terminal: true }, start, closed);
  }

  async #run(
    container: PlannedContainer,
    how: { command: string[]; terminal?: boolean },
    launch: (args: string[], env: Record<string, string>) => Promise<LaunchedProcess>,
    onClientLost?: () => RunEnd,
  ): Promise<RunHandle> {
    return this.#caches.during(container.caches, (cacheMounts) => {
      const { args, env } = dockerRunArgs({ ...container, ...how, cacheMounts });
      return this.#start(container, () => launch(args, env), onClientLost);
    });
  }

  #start(
    container: PlannedContainer,
    launch: () => Promise<LaunchedProcess>,
    onClientLost?: () => RunEnd,
  ): Promise<RunHandle> {
    return runContainer({
      engine: this.engine,
      watch: this.#watch,
      name: container.name,
      found: false,
      publishes: (container.options.ports ?? []).length > 0,
      launch: () => this.#serialized(launch),
      ...(onClientLost && { onClientLost }),
    });
  }

  /**
   * Follows a container that an earlier process has started. Undefined if the container never executed.
   *
   * @param terminal true if the container was started with a terminal
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

  /** The containers of this state folder, running or not. Containers of the library's own work are left out. */
  async leftovers(): Promise<Leftover[]> {
    const containers = await this.engine.list(`${OWNER_LABEL}=${this.#owner}`);
    const ofRuns = containers.filter(({ name }) => !this.#short.isOwn(name));
    return ofRuns.map(({ name, labels, image, mounts }) => ({
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

  /** True if a container of a session lives, whichever manager has started it. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  async works(sessionId: string): Promise<boolean> {
    return (await this.engine.list(`${SESSION_LABEL}=${sessionId}`)).some(({ lives }) => lives);
  }

  /** Disconnects from the engine. The containers of sessions go on. */
  async close(): Promise<void> {
    this.#caches.close();
    this.#watch.close();
    await this.#short.close();
    this.engine.close();
  }

  async #resolveEndpoint(): Promise<Endpoint> {
    // Determined once. A failure is not remembered.
    this.#endpoint ??= resolveEndpoint(this.#env).catch((error: unknown) => {
      this.#endpoint = undefined;
      throw error;
    });
    return this.#endpoint;
  }
}

/** The real path of a folder, even before the folder exists. So the owner label is the same for all paths that lead there. */
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
