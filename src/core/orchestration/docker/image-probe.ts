import { createHash } from 'node:crypto';
import { OrchestrationError } from '../util/errors.js';
import { quoted } from '../util/shell-quote.js';
import type { DockerEngine } from './engine.js';
import { PREPARING_CAPABILITIES, type Preparation } from './home-preparation.js';
import { probeScript, readProbe } from './probe-script.js';
import type { ProbedImage, ProbedImages } from './probed-images.js';
import type { ShortContainers } from './short-containers.js';

/** The facts about an image that are needed before a session can run in it. */
export interface ImageFacts extends ProbedImage {
  /** The image's entrypoint, which containers run before their command. */
  entrypoint: string[];
}

/** What a session asks an image for. */
export interface ProbeRequest {
  image: string;
  /** The user of the container. Default: the image's own. */
  user?: string | undefined;
  /** The session's variables that decide where Claude Code is, and where it keeps its files. */
  env: Readonly<Record<string, string>>;
  /** What root does first, if the session's user is not the user of the container. */
  preparation?: Preparation | undefined;
  /** The option `platform`. Default: that of the image which the engine has. */
  platform?: string | undefined;
}

/** Limits the whole probe. Claude Code takes one or two seconds to its first line. */
const PROBE_MS = 60_000;

/**
 * Finds out which user an image has, and if its Claude Code begins to work for that user. Each image id is probed once for a user, a
 * home folder, a platform and a way to start, by a container without network, however many sessions wait for the result. Later
 * processes find the result on disk.
 */
export class ImageProbe {
  readonly #engine: Pick<DockerEngine, 'image'>;
  readonly #containers: Pick<ShortContainers, 'run'>;
  readonly #stored: ProbedImages;
  readonly #known = new Map<string, Promise<ImageFacts>>();

  constructor(engine: Pick<DockerEngine, 'image'>, containers: Pick<ShortContainers, 'run'>, stored: ProbedImages) {
    this.#engine = engine;
    this.#containers = containers;
    this.#stored = stored;
  }

  /**
   * @param storage the folder of the engine's images; another engine may map users in another way
   * @throws OrchestrationError `IMAGE_NOT_FOUND`, `CLAUDE_NOT_FOUND`, `DOCKER_UNAVAILABLE`
   */
  async facts(request: ProbeRequest, storage: string): Promise<ImageFacts> {
    const { id, entrypoint, user: owner } = await this.#engine.image(request.image);
    const script = scriptOf(request, owner.split(':')[0] || '0');
    const { user, env, preparation, platform } = request;
    // Another release of this library may ask an image for more. So the script counts, too.
    const key = createHash('sha256')
      .update(JSON.stringify([id, user, script, preparation?.become, env, storage, platform]))
      .digest('hex');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const asked = this.#probed(request, id, script, key).then((facts) => ({ ...facts, entrypoint }));
    this.#known.set(key, asked);
    // A failure is not remembered, so that the image can be probed again when the cause is gone.
    asked.catch(() => this.#known.delete(key));
    return asked;
  }

  async #probed(request: ProbeRequest, id: string, script: string, key: string): Promise<ProbedImage> {
    const stored = await this.#stored.get(key);
    if (stored !== undefined) return stored;
    const found = await this.#ask(request, id, script);
    await this.#stored.set(key, found);
    return found;
  }

  async #ask(request: ProbeRequest, image: string, script: string): Promise<ProbedImage> {
    const { preparation, platform } = request;
    const late = (): OrchestrationError => noClaude(request, `looking into it did not end within ${PROBE_MS} ms`);
    try {
      const said = await this.#containers.run(
        'probe',
        {
          image,
          script,
          user: preparation ? '0:0' : request.user,
          env: { ...request.env, ...preparation?.env },
          platform,
          ...(preparation && { capabilities: PREPARING_CAPABILITIES }),
        },
        { mostMs: PROBE_MS, late },
      );
      const found = readProbe(said);
      if (typeof found === 'string') throw noClaude(request, found);
      return found;
    } catch (error) {
      if (error instanceof OrchestrationError && error.code === 'LAUNCH_FAILED') {
        throw noClaude(request, `it cannot start /bin/sh (${error.message.replace(/\.$/, '')})`, error);
      }
      throw error;
    }
  }
}

function scriptOf({ preparation }: ProbeRequest, owner: string): string {
  const script = probeScript(owner);
  if (!preparation) return script;
  const become = [...preparation.become, '/bin/sh', '-c', script].map(quoted).join(' ');
  return `${preparation.script}\nexec ${become}`;
}

/** @param why the image cannot be used, as the end of a sentence */
export function noClaude({ image, user }: Pick<ProbeRequest, 'image' | 'user'>, why: string, cause?: unknown) {
  const as = user === undefined ? '' : ` as user '${user}'`;
  return new OrchestrationError(
    'CLAUDE_NOT_FOUND',
    `Image '${image}' (docker.image) cannot run Claude Code${as}: ${why}. It needs a shell, 'stat' and @anthropic-ai/claude-code, and the user of docker.user.`,
    { cause },
  );
}
