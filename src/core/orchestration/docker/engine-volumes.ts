import type { EngineVolume } from '../workspace/volumes.js';
import { type EngineConnection, refused } from './engine-connection.js';

interface VolumeBody {
  Name: string;
  Driver: string;
  Options?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
  CreatedAt?: string;
}

/** Making and removing a volume make the engine work on disks, or a driver work elsewhere. */
const WORK_MS = 30_000;

/**
 * The calls about volumes of the Docker Engine API. Names are checked before: they hold no character that a path would need to
 * escape.
 */
export class EngineVolumes {
  readonly #http: Pick<EngineConnection, 'call'>;

  constructor(http: Pick<EngineConnection, 'call'>) {
    this.#http = http;
  }

  /** Undefined if there is no such volume. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  async inspect(name: string): Promise<EngineVolume | undefined> {
    const { status, body } = await this.#http.call('GET', `/volumes/${name}`);
    if (status === 404) return undefined;
    if (status !== 200) throw refused(`inspect volume '${name}'`, status, body);
    return read(body as VolumeBody);
  }

  /**
   * Makes a volume without options. If there is one with that name, nothing happens, whatever the existing one is like.
   *
   * @throws OrchestrationError `LAUNCH_FAILED` if the engine refuses, `DOCKER_UNAVAILABLE`
   */
  async create(name: string, labels: Readonly<Record<string, string>>): Promise<EngineVolume> {
    const send = { Name: name, Driver: 'local', Labels: labels };
    const { status, body } = await this.#http.call('POST', '/volumes/create', send, WORK_MS);
    if (status !== 201) throw refused(`make volume '${name}'`, status, body, 'LAUNCH_FAILED');
    return read(body as VolumeBody);
  }

  /** @returns false if a container uses the volume @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  async remove(name: string): Promise<boolean> {
    const { status, body } = await this.#http.call('DELETE', `/volumes/${name}`, undefined, WORK_MS);
    if (status === 409) return false;
    if (status !== 204 && status !== 404) throw refused(`remove volume '${name}'`, status, body);
    return true;
  }

  /** The names of the containers that have the volume, running or not. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  async users(name: string): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ volume: [name] }));
    const { status, body } = await this.#http.call('GET', `/containers/json?all=1&filters=${filters}`);
    if (status !== 200) throw refused('list containers', status, body);
    return (body as { Names?: string[] }[]).map(({ Names }) => (Names?.[0] ?? '').replace(/^\//, ''));
  }
}

function read({ Name, Driver, Options, Labels, CreatedAt = '' }: VolumeBody): EngineVolume {
  return { name: Name, driver: Driver, options: Options ?? {}, labels: Labels ?? {}, createdAt: CreatedAt };
}
