import { nanoid } from 'nanoid';
import { OrchestrationError } from '../util/errors.js';
import type { DockerEngine } from './engine.js';

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
  readonly #engine: DockerEngine;
  readonly #labels: Readonly<Record<string, string>>;
  /** The names of the containers that exist now. */
  readonly #names = new Set<string>();

  constructor(engine: DockerEngine, labels: Readonly<Record<string, string>>) {
    this.#engine = engine;
    this.#labels = labels;
  }

  /** True if a container is one of these that exist now. @param container its name */
  isOwn(container: string): boolean {
    return this.#names.has(container);
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

  async #run({ image, volume, script, capability, mostMs }: Help): Promise<string> {
    const name = `ao-helper-${nanoid(10).replaceAll(/[-_]/g, '0')}`;
    this.#names.add(name);
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.#engine.create(name, {
        Image: image,
        Entrypoint: ['/bin/sh', '-c'],
        Cmd: [script],
        Tty: true,
        Labels: this.#labels,
        WorkingDir: '/',
        User: '0:0',
        HostConfig: {
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          CapAdd: [capability],
          SecurityOpt: ['no-new-privileges'],
          PidsLimit: 64,
          Init: true,
          // So the engine removes the container even if this process is killed.
          AutoRemove: true,
          // Without NoCopy, the engine would fill an empty volume with what the image has at this place.
          Mounts: [{ Type: 'volume', Source: volume, Target: PLACE, VolumeOptions: { NoCopy: true } }],
        },
      });
      const { output } = await this.#engine.attach(name);
      const late = new Promise<never>((_, reject) => {
        const error = new OrchestrationError(
          'LAUNCH_FAILED',
          `The work on volume '${volume}' did not end within ${mostMs} ms. Look at the engine, then try again.`,
        );
        timer = setTimeout(reject, mostMs, error).unref();
      });
      const [said] = await Promise.race([Promise.all([output, this.#engine.start(name)]), late]);
      return said;
    } finally {
      clearTimeout(timer);
      await this.#engine.remove(name).catch(() => {}); // The first error is the one that counts.
      this.#names.delete(name);
    }
  }
}

const shown = (said: string): string => JSON.stringify(said.trim().slice(0, 200));
