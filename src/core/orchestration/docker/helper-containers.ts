import { OrchestrationError } from '../util/errors.js';
import type { ShortContainers } from './short-containers.js';

/** Where the volume is mounted in a helper. */
const PLACE = '/volume';
/** Limits a helper that only changes an owner. */
const GIVE_MS = 30_000;

/** What a helper does in a volume. */
interface Help {
  /** The image whose shell runs the script. */
  readonly image: string;
  readonly volume: string;
  readonly script: string;
  /** Without one, even root has no more rights than any other user. */
  readonly capability: 'CHOWN' | 'DAC_READ_SEARCH';
  readonly mostMs: number;
}

/**
 * Short-lived containers that work on a volume, because only the engine reaches the files of its volumes. Each runs a script of ours
 * as root, and has one volume and nothing else: no network, no files of the machine.
 */
export class HelperContainers {
  readonly #containers: Pick<ShortContainers, 'run' | 'isOwn'>;

  constructor(containers: Pick<ShortContainers, 'run' | 'isOwn'>) {
    this.#containers = containers;
  }

  /** True if a container is one of these that exist now. @param container its name */
  isOwn(container: string): boolean {
    return this.#containers.isOwn(container);
  }

  /**
   * Gives a new volume to a user. The engine makes volumes that belong to root, and an agent could not write there.
   *
   * @throws OrchestrationError `LAUNCH_FAILED`, `DOCKER_UNAVAILABLE`
   */
  async give(image: string, volume: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
    if (uid === 0) return;
    const script = `chown ${uid}:${gid} ${PLACE} && echo given`;
    const said = await this.#run({ image, volume, script, capability: 'CHOWN', mostMs: GIVE_MS });
    if (said.includes('given')) return;
    throw new OrchestrationError(
      'LAUNCH_FAILED',
      `The volume '${volume}' could not be given to the session's user ${uid}:${gid}: ${shown(said)}. The image '${image}' needs ` +
        'a shell and chown. Or make the volume yourself, and give it to that user.',
    );
  }

  /** How much a volume holds, in bytes. @throws OrchestrationError `LAUNCH_FAILED`, `DOCKER_UNAVAILABLE` */
  async bytesOf(image: string, volume: string, mostMs: number): Promise<number> {
    const said = await this.#run({ image, volume, script: `du -skx ${PLACE}`, capability: 'DAC_READ_SEARCH', mostMs });
    const kilobytes = /^(\d+)\s/.exec(said)?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
    throw new OrchestrationError('LAUNCH_FAILED', `The size of the volume '${volume}' cannot be read: ${shown(said)}.`);
  }

  #run({ image, volume, script, capability, mostMs }: Help): Promise<string> {
    return this.#containers.run(
      'helper',
      {
        image,
        script,
        user: '0:0',
        capabilities: [capability],
        // Without NoCopy, the engine would fill an empty volume with what the image has at this place.
        mounts: [{ Type: 'volume', Source: volume, Target: PLACE, VolumeOptions: { NoCopy: true } }],
      },
      {
        mostMs,
        late: () =>
          new OrchestrationError(
            'LAUNCH_FAILED',
            `The work on volume '${volume}' did not end within ${mostMs} ms. Look at the engine, then try again.`,
          ),
      },
    );
  }
}

const shown = (said: string): string => JSON.stringify(said.trim().slice(0, 200));
