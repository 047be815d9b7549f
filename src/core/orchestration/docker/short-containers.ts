import { nanoid } from 'nanoid';
import { type Deferred, deferred } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import type { DockerEngine } from './engine.js';

/** What a short-lived container does. */
export interface ShortWork {
  /** The name or id of the image whose shell runs the script. */
  readonly image: string;
  readonly script: string;
  /** `uid:gid`, or names. Default: the image's own user. */
  readonly user?: string | undefined;
  /** Further groups of the user. Default: those that the image gives the user. */
  readonly groups?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default none: then even root has no more rights than any other user. */
  readonly capabilities?: readonly string[];
  /** In the notation of the engine. Default none. */
  readonly mounts?: readonly object[];
  /** Default: that of the image which the engine has. */
  readonly platform?: string | undefined;
}

/** How long the work may take, and the error if it takes longer. */
export interface WorkLimit {
  readonly mostMs: number;
  readonly late: () => OrchestrationError;
}

/**
 * Runs scripts of the library's own in containers that live for a moment. A container has no network, no capabilities but those
 * that are asked for, and no files of the machine but the mounts that are asked for. It is removed, also if this process is killed
 * meanwhile.
 */
export class ShortContainers {
  readonly #engine: Pick<DockerEngine, 'create' | 'attach' | 'start' | 'remove'>;
  readonly #labels: Readonly<Record<string, string>>;
  /** The work ends when its container is removed. Resolving `closed` ends it early. */
  readonly #running = new Map<string, { work: Promise<string>; closed: Deferred<void> }>();

  constructor(
    engine: Pick<DockerEngine, 'create' | 'attach' | 'start' | 'remove'>,
    labels: Readonly<Record<string, string>>,
  ) {
    this.#engine = engine;
    this.#labels = labels;
  }

  /** True if a container is one of these that exist now. @param container its name */
  isOwn(container: string): boolean {
    return this.#running.has(container);
  }

  /**
   * Runs a script and returns what it prints.
   *
   * @param kind a part of the container's name, for people who look at the engine
   * @param limit default none
   * @throws OrchestrationError `IMAGE_NOT_FOUND`, `LAUNCH_FAILED`, `DOCKER_UNAVAILABLE`, and that of the limit
   */
  async run(kind: 'probe' | 'helper' | 'doctor', work: ShortWork, limit?: WorkLimit): Promise<string> {
    const name = `ao-${kind}-${nanoid(10).replaceAll(/[-_]/g, '0')}`;
    const closed = deferred<void>();
    const running = this.#run(name, work, limit, closed).finally(() => this.#running.delete(name));
    this.#running.set(name, { work: running, closed });
    return running;
  }

  /** Ends what is under way: it rejects with `MANAGER_CLOSED`. Resolves when no container is left. */
  async close(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { closed } of running) closed.resolve();
    await Promise.allSettled(running.map(({ work }) => work));
  }

  async #run(name: string, work: ShortWork, limit: WorkLimit | undefined, closed: Deferred<void>): Promise<string> {
    try {
      await this.#engine.create(name, this.#definition(work), work.platform);
      const { output } = await this.#engine.attach(name);
      output.catch(() => {}); // Its end is no longer awaited after an abort.
      const ended = closed.promise.then(() => {
        throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the engine was done.');
      });
      if (closed.isSettled) await ended;
      const said = Promise.race([withinTime(output, limit), ended]);
      const [all] = await Promise.all([said, this.#engine.start(name)]);
      return all;
    } finally {
      await this.#engine.remove(name).catch(() => {}); // The first error is the one that counts.
    }
  }

  #definition({ image, script, user, groups, env = {}, capabilities, mounts }: ShortWork): object {
    return {
      Image: image,
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: [script],
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      Tty: true,
      Labels: this.#labels,
      WorkingDir: '/',
      ...(user !== undefined && { User: user }),
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        ...(capabilities && { CapAdd: capabilities }),
        SecurityOpt: ['no-new-privileges'],
        PidsLimit: 512,
        Init: true,
        // So the engine removes the container even if this process is killed.
        AutoRemove: true,
        ...(groups && { GroupAdd: groups.map(String) }),
        ...(mounts && { Mounts: mounts }),
      },
    };
  }
}

async function withinTime<T>(work: Promise<T>, limit: WorkLimit | undefined): Promise<T> {
  if (!limit) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(limit.late()), limit.mostMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
