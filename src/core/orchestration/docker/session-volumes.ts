import type { DockerOptions } from '../session/docker-options.js';
import { parseNamedMounts, requireSafeVolume } from '../workspace/volumes.js';
import type { EngineVolumes } from './engine-volumes.js';
import type { HelperContainers } from './helper-containers.js';

/** Marks the volumes that were made for sessions. They are never removed by the library, because they are the user's. */
const VOLUME_LABEL = 'autonomous-orchestration.volume';

interface SessionVolumesOptions {
  readonly volumes: EngineVolumes;
  readonly helpers: Pick<HelperContainers, 'give'>;
}

/** The named volumes of sessions (`docker.volumes`). */
export class SessionVolumes {
  readonly #options: SessionVolumesOptions;

  constructor(options: SessionVolumesOptions) {
    this.#options = options;
  }

  /**
   * The check when a session is created. A volume that is missing is made when the session starts.
   *
   * @throws OrchestrationError `UNSAFE_MOUNT`, `INVALID_OPTIONS`, `DOCKER_UNAVAILABLE`
   */
  async check(docker: Readonly<DockerOptions>): Promise<void> {
    const { volumes } = parseNamedMounts(docker);
    const found = await Promise.all(volumes.map(({ name }) => this.#options.volumes.inspect(name)));
    if (docker.allowUnsafeMounts) return;
    for (const volume of found) if (volume) requireSafeVolume(volume);
  }

  /**
   * Called just before the container is made. Makes the volumes that are missing, gives them to the session's user, and checks all
   * of them again: one may be another than when the session was created. Only programs that may use the engine can exchange a
   * volume, and no agent is one of them.
   *
   * @throws OrchestrationError `UNSAFE_MOUNT`, `LAUNCH_FAILED`, `DOCKER_UNAVAILABLE`
   */
  async prepare(docker: Readonly<DockerOptions>, owner: { uid: number; gid: number }): Promise<void> {
    const names = new Set(parseNamedMounts(docker).volumes.map(({ name }) => name));
    await Promise.all([...names].map((name) => this.#prepare(name, docker, owner)));
  }

  async #prepare(
    name: string,
    { image, allowUnsafeMounts }: Readonly<DockerOptions>,
    owner: { uid: number; gid: number },
  ): Promise<void> {
    const { volumes, helpers } = this.#options;
    const found = await volumes.inspect(name);
    // Somebody else may make it in between, and then with other options. The engine answers with what there is.
    const volume = found ?? (await volumes.create(name, { [VOLUME_LABEL]: 'session' }));
    if (!allowUnsafeMounts) requireSafeVolume(volume);
    if (found) return;
    try {
      await helpers.give(image, name, owner);
    } catch (error) {
      // It is empty. The next session makes it again, and gives it to its user.
      await volumes.remove(name).catch(() => {}); // The first error counts.
      throw error;
    }
  }
}
