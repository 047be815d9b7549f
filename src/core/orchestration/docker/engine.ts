import { setTimeout as delay } from 'node:timers/promises';
import { OrchestrationError, type OrchestrationErrorCode } from '../util/errors.js';
import type { EngineUsers } from './agent-user.js';
import { type ContainerBody, type ContainerState, containerState } from './container-state.js';
import type { Endpoint } from './endpoint.js';
import { EngineConnection, refused, textOf } from './engine-connection.js';
import { type EngineEvent, type EngineEventStream, followEvents } from './engine-events.js';
import { EngineVolumes } from './engine-volumes.js';

export interface EngineImage {
  id: string;
  /** The entrypoint, which containers run before their command. */
  entrypoint: string[];
  /** The user of its containers, as the image names it. Empty for root. */
  user: string;
}

/** A network as the engine describes it. */
export interface EngineNetwork {
  id: string;
  name: string;
  driver: string;
  options: Record<string, string>;
}

interface NetworkBody {
  Id: string;
  Name: string;
  Created: string;
  Driver: string;
  Options?: Record<string, string> | null;
}

/** A container as the engine lists it. */
export interface ListedContainer {
  name: string;
  labels: Record<string, string>;
  image: string;
  mounts: { source: string; target: string }[];
  /** False if it has ended. */
  lives: boolean;
}

interface ListedBody {
  Names?: string[];
  Labels?: Record<string, string> | null;
  Image: string;
  Mounts?: { Source?: string; Destination?: string }[];
  State?: string;
}

/** If an engine is unavailable for longer, its runs count as failed. */
export const ENGINE_AWAY_MS = 30_000;
/** How long we wait before we ask an unavailable engine again. */
export const ENGINE_RETRY_MS = 500;
const PAUSE_TRIES = 5;
const REMOVE_TRIES = 8;
/** The time limit of calls that make the engine work on disks and namespaces. */
const WORK_MS = 30_000;
/** For a call that the engine answers only when the container has ended. */
const NO_LIMIT = 0;

interface Call {
  /** The action, for the error message: `refused to …`. */
  to: string;
  /** The statuses that are no refusal. */
  accepts: readonly number[];
  send?: object;
  timeoutMs?: number;
  /** The error code of a refusal. @default 'DOCKER_UNAVAILABLE' */
  code?: OrchestrationErrorCode;
}

/**
 * The calls of the Docker Engine API that sessions need, over its socket. Each takes a quarter of a millisecond. A docker CLI
 * process would take 15, and would block the application's event loop while it is forked.
 *
 * Names and ids of containers are ours, never the agent's. Paths contain no API version. The engine then answers with its own
 * version, and everything that is used here is the same in all versions.
 *
 * If an engine answers with an error, this counts as no answer, `DOCKER_UNAVAILABLE`, unless a call documents another code. The
 * requested information is then not known, or the requested action not done, and the engine can be asked again.
 */
export class DockerEngine {
  readonly #http: EngineConnection;
  readonly volumes: EngineVolumes;

  constructor(endpoint: () => Promise<Endpoint>) {
    this.#http = new EngineConnection(endpoint);
    this.volumes = new EngineVolumes(this.#http);
  }

  /** @throws OrchestrationError `IMAGE_NOT_FOUND`, `DOCKER_UNAVAILABLE` */
  async image(image: string): Promise<EngineImage> {
    const path = `/images/${encodeURIComponent(image)}/json`;
    const { status, body } = await this.#ask('GET', path, { to: `inspect image '${image}'`, accepts: [200, 400, 404] });
    if (status === 200) {
      type Config = { Entrypoint?: string[] | null; User?: string };
      const { Id, Config } = body as { Id: string; Config?: Config | null };
      return { id: Id, entrypoint: Config?.Entrypoint ?? [], user: Config?.User ?? '' };
    }
    throw new OrchestrationError(
      'IMAGE_NOT_FOUND',
      `The Docker engine has no image '${image}' (docker.image). Build it with 'npx autonomous-orchestration image build', or load or pull it; nothing is pulled on its own.`,
    );
  }

  /** What the engine says about its users. */
  async users(): Promise<EngineUsers> {
    const { body } = await this.#ask('GET', '/info', { to: 'describe itself', accepts: [200] });
    const { OperatingSystem, DockerRootDir, BuildahVersion } = body as Record<string, string | undefined>;
    return {
      areHidden: OperatingSystem === 'Docker Desktop',
      storage: DockerRootDir ?? '',
      // Only Podman answers with this field.
      ownsMemory: BuildahVersion === undefined,
    };
  }

  /**
   * Makes a container, which does not run yet.
   *
   * @param platform default: that of the image which the engine has
   * @returns the container's id
   * @throws OrchestrationError `LAUNCH_FAILED` if the engine refuses, `DOCKER_UNAVAILABLE`
   */
  async create(name: string, definition: object, platform?: string): Promise<string> {
    const asked = platform === undefined ? '' : `&platform=${encodeURIComponent(platform)}`;
    const { body } = await this.#ask('POST', `/containers/create?name=${name}${asked}`, {
      to: 'create a container',
      accepts: [201],
      send: definition,
      timeoutMs: WORK_MS,
      code: 'LAUNCH_FAILED',
    });
    return String((body as { Id: string }).Id);
  }

  /**
   * Starts a container that was made. The engine answers 500 even if the image is to blame, for example for a command of
   * another architecture.
   *
   * @throws OrchestrationError `LAUNCH_FAILED` if the engine refuses, `DOCKER_UNAVAILABLE`
   */
  async start(container: string): Promise<void> {
    await this.#ask('POST', `/containers/${container}/start`, {
      to: 'start a container',
      accepts: [204, 304],
      timeoutMs: WORK_MS,
      code: 'LAUNCH_FAILED',
    });
  }

  /** Resolves with the exit code when the container has ended. Resolves with undefined if there is no such container. */
  async wait(container: string): Promise<number | undefined> {
    const path = `/containers/${container}/wait`;
    const call = { to: 'wait for a container', accepts: [200, 404], timeoutMs: NO_LIMIT };
    const { status, body } = await this.#ask('POST', path, call);
    return status === 404 ? undefined : (body as { StatusCode: number }).StatusCode;
  }

  /** All containers with a label, running or not. */
  async list(label: string): Promise<ListedContainer[]> {
    const path = `/containers/json?all=1&filters=${filtersOf({ label: [label] })}`;
    const { body } = await this.#ask('GET', path, { to: 'list containers', accepts: [200] });
    return (body as ListedBody[]).map(({ Names, Labels, Image, Mounts, State }) => ({
      name: (Names?.[0] ?? '').replace(/^\//, ''),
      labels: Labels ?? {},
      image: Image,
      mounts: (Mounts ?? []).map(({ Source = '', Destination = '' }) => ({ source: Source, target: Destination })),
      lives: State !== 'exited' && State !== 'dead',
    }));
  }

  /**
   * Listens to a container that has not been started yet. The container has to have a terminal, because its output then comes
   * without frames. Resolves when the engine listens. `output` is everything that the container will have written by its end.
   */
  async attach(container: string): Promise<{ output: Promise<string> }> {
    const path = `/containers/${container}/attach?stream=1&stdout=1&stderr=1`;
    const { request, response } = await this.#http.open('POST', path);
    request.setTimeout(NO_LIMIT);
    if (response.statusCode === 200) return { output: textOf(response) };
    throw refused('attach to a container', response.statusCode ?? 0, await textOf(response));
  }

  /** Undefined if there is no such container. */
  async inspect(container: string): Promise<ContainerState | undefined> {
    const path = `/containers/${container}/json`;
    const { status, body } = await this.#ask('GET', path, { to: 'inspect a container', accepts: [200, 404] });
    if (status === 404) return undefined;
    return containerState(body as ContainerBody);
  }

  /**
   * Freezes all processes of a container.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION` if the container is gone, does not run or is already frozen,
   * `DOCKER_UNAVAILABLE`
   */
  async pause(container: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { status, body } = await this.#http.call('POST', `/containers/${container}/pause`, undefined, WORK_MS);
      if (status === 204) return;
      const isGone = status === 404 || status === 409;
      // While a container starts processes, runc may give up and unfreeze it again, above all on a busy machine.
      if (isGone || tries === PAUSE_TRIES || !/unable to freeze/.test(JSON.stringify(body)))
        throw refused('pause a container', status, body, isGone ? 'ILLEGAL_TRANSITION' : undefined);
      await delay(ENGINE_RETRY_MS / tries);
    }
  }

  /**
   * Unfreezes a container. If the container is not frozen, or gone, this is not an error.
   *
   * @throws OrchestrationError `DOCKER_UNAVAILABLE`, also if the container stays frozen
   */
  async unpause(container: string): Promise<void> {
    const { status, body } = await this.#http.call('POST', `/containers/${container}/unpause`, undefined, WORK_MS);
    if (status === 204 || status === 404) return;
    if ((await this.inspect(container))?.paused) throw refused('resume a container', status, body);
  }

  /** Sends SIGTERM, and SIGKILL after the grace time. Resolves when the container has stopped, or is gone. */
  async stop(container: string, graceMs: number): Promise<void> {
    await this.#ask('POST', `/containers/${container}/stop?t=${Math.ceil(graceMs / 1000)}`, {
      to: 'stop a container',
      accepts: [204, 304, 404],
      timeoutMs: graceMs + 10_000,
    });
  }

  /** Sends SIGKILL. If the container does not run, or is gone, this is not an error. */
  async kill(container: string): Promise<void> {
    // 409: the container does not run, which is the wanted state.
    await this.#ask('POST', `/containers/${container}/kill`, { to: 'kill a container', accepts: [204, 404, 409] });
  }

  /** Removes a container and its anonymous volumes, running or not. If the container is already gone, this is not an error. */
  async remove(container: string): Promise<void> {
    const call = { to: 'remove a container', accepts: [204, 404, 409], timeoutMs: WORK_MS };
    const path = `/containers/${container}?force=1&v=1`;
    for (let tries = 1; ; tries++) {
      const { status, body } = await this.#ask('DELETE', path, call);
      if (status !== 409) return;
      if (tries === REMOVE_TRIES) throw refused(call.to, status, body);
      // Either a removal is under way, or the container ended when the engine was about to kill it. Then nobody removes it.
      const gone = `/containers/${container}/wait?condition=removed`;
      await this.#http.call('POST', gone, undefined, ENGINE_RETRY_MS * tries).catch(() => {});
    }
  }

  /**
   * The networks with these names, the oldest first. The engine may make several with the same name if it is asked at the same
   * moment.
   */
  async networks(names: readonly string[]): Promise<EngineNetwork[]> {
    const path = `/networks?filters=${filtersOf({ name: names })}`;
    const { body } = await this.#ask('GET', path, { to: 'list networks', accepts: [200] });
    return (body as NetworkBody[])
      .filter(({ Name }) => names.includes(Name)) // The engine's filter also finds names that only contain one of these.
      .sort((one, other) => one.Created.localeCompare(other.Created) || one.Id.localeCompare(other.Id))
      .map(({ Id, Name, Driver, Options }) => ({ id: Id, name: Name, driver: Driver, options: Options ?? {} }));
  }

  /** Makes a network, unless there is already one with that name. */
  async createNetwork(definition: { Name: string; [key: string]: unknown }): Promise<void> {
    const send = { ...definition, CheckDuplicate: true };
    const call = { to: 'create a network', accepts: [201, 409], send, timeoutMs: WORK_MS };
    await this.#ask('POST', '/networks/create', call);
  }

  /** Follows the events of the containers with a label, see {@link followEvents}. */
  events(label: string, onEvent: (event: EngineEvent) => void, onEnd: () => void): Promise<EngineEventStream> {
    return followEvents(this.#http, label, onEvent, onEnd);
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.close();
  }

  /** @throws OrchestrationError with the code of the call, if the status of the answer is not one that the call accepts */
  async #ask(method: string, path: string, { to, accepts, send, timeoutMs, code }: Call) {
    const { status, body } = await this.#http.call(method, path, send, timeoutMs);
    if (!accepts.includes(status)) throw refused(to, status, body, code);
    return { status, body };
  }
}

const filtersOf = (filters: Record<string, readonly string[]>): string => encodeURIComponent(JSON.stringify(filters));
