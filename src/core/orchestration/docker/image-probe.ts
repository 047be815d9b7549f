import { createHash } from 'node:crypto';
import { GUARD_VARIABLES } from '../guard/guard-environment.js';
import { OrchestrationError } from '../util/errors.js';
import type { DockerEngine } from './engine.js';
import type { ProbedImage, ProbedImages } from './probed-images.js';

/** The facts about an image that are needed before a session can run in it. */
export interface ImageFacts extends ProbedImage {
  /** The image's entrypoint, which containers run before their command. */
  entrypoint: string[];
}

/** 2.1.98 accepts this key in `~/.claude.json`, but keeps a person's answer in the user's settings under another name. */
const BYPASS = 'bypassPermissionsModeAccepted';
/** The keys in `~/.claude.json` that are true when Claude's terminal UI no longer asks anything (measured on 2.1.98). */
const ONBOARDING = ['hasCompletedOnboarding', BYPASS, 'hasTrustDialogAccepted'];

/** Limits the whole probe. `claude --version` takes about half a second. */
const PROBE_MS = 30_000;
const MARK = 'autonomous-orchestration-probe';
const ENDED = `${MARK} ended`;

/**
 * The script of a probe's container. It prints the user, which onboarding steps are done, and if there is a `claude` that runs.
 */
const SCRIPT = `
echo "${MARK} $(id -u) [$(id -G)] $HOME" || exit
for key in ${ONBOARDING.join(' ')}; do
  grep -q "\\"$key\\": *true" "$HOME/.claude.json" 2>/dev/null && echo "${MARK} $key"
done
grep -q '"skipDangerousModePermissionPrompt": *true' "$HOME/.claude/settings.json" 2>/dev/null && echo "${MARK} ${BYPASS}"
stat -c %d:%i / >/dev/null && echo "${MARK} stat"
for name in ${GUARD_VARIABLES.join(' ')}; do
  eval "value=\\$$name"
  [ -z "$value" ] || printf '${MARK} env %s=%s\\n' "$name" "$value"
done
command -v claude >/dev/null && claude --version && echo ${ENDED}
`;

/**
 * Finds out which user an image has and if it has a `claude` that runs. Each pair of image id and user is probed once, by a
 * container without network, however many sessions wait for the result. Later processes find the result on disk.
 */
export class ImageProbe {
  readonly #engine: DockerEngine;
  readonly #label: Record<string, string>;
  readonly #newName: () => string;
  readonly #stored: ProbedImages;
  readonly #known = new Map<string, Promise<ImageFacts>>();
  /** The names of the probe containers that exist now. */
  readonly #asked = new Set<string>();

  constructor(engine: DockerEngine, label: Record<string, string>, newName: () => string, stored: ProbedImages) {
    this.#engine = engine;
    this.#label = label;
    this.#newName = newName;
    this.#stored = stored;
  }

  /** @throws OrchestrationError `IMAGE_NOT_FOUND`, `CLAUDE_NOT_FOUND`, `DOCKER_UNAVAILABLE` */
  async facts(image: string, user: string | undefined): Promise<ImageFacts> {
    const { id, entrypoint } = await this.#engine.image(image);
    const key = `${id} ${user ?? ''}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const asked = this.#probed(image, id, user).then((facts) => ({ ...facts, entrypoint }));
    this.#known.set(key, asked);
    // A failure is not remembered, so that the image can be probed again when the cause is gone.
    asked.catch(() => this.#known.delete(key));
    return asked;
  }

  /** True if a container is one of this probe's that exist now. @param container its name */
  isOwn(container: string): boolean {
    return this.#asked.has(container);
  }

  async #probed(image: string, id: string, user: string | undefined): Promise<ProbedImage> {
    // Another release of this library may ask an image for more.
    const key = createHash('sha256')
      .update(JSON.stringify([id, user, SCRIPT]))
      .digest('hex');
    const stored = await this.#stored.get(key);
    if (stored !== undefined) return stored;
    const found = await this.#ask(image, id, user);
    await this.#stored.set(key, found);
    return found;
  }

  async #ask(image: string, id: string, user: string | undefined): Promise<ProbedImage> {
    const name = this.#newName();
    this.#asked.add(name);
    try {
      await this.#engine.create(name, {
        Image: id,
        Entrypoint: ['/bin/sh', '-c'],
        Cmd: [SCRIPT],
        Tty: true,
        Labels: this.#label,
        WorkingDir: '/',
        ...(user !== undefined && { User: user }),
        HostConfig: {
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          PidsLimit: 512,
          Init: true,
          // So the engine removes the container even if this process is killed during the probe.
          AutoRemove: true,
        },
      });
      const { output } = await this.#engine.attach(name);
      const [said] = await Promise.all([withinTime(output), this.#engine.start(name)]);
      return read(said, image, user);
    } catch (error) {
      if (error instanceof OrchestrationError && error.code === 'LAUNCH_FAILED') {
        throw noClaude(image, user, `it cannot start /bin/sh (${error.message.replace(/\.$/, '')})`, error);
      }
      throw error;
    } finally {
      await this.#engine.remove(name).catch(() => {}); // The first error is the one that counts.
      this.#asked.delete(name);
    }
  }
}

function read(output: string, image: string, user: string | undefined): ProbedImage {
  const facts = new RegExp(`${MARK} (\\d+) \\[([\\d ]+)\\] (/\\S*)`).exec(output);
  const variables = [...output.matchAll(new RegExp(`^${MARK} env (\\w+)=([^\\r\\n]*)`, 'gm'))];
  const version = /(\d+\.\d+\.\d+\S*) \(Claude Code\)/.exec(output)?.[1];
  if (!facts) throw noClaude(image, user, `its shell answers ${JSON.stringify(output.trim().slice(0, 200))}`);
  if (!output.includes(`${MARK} stat`)) throw noClaude(image, user, "it has no 'stat' of coreutils or busybox");
  if (!output.includes(ENDED) || version === undefined)
    throw noClaude(image, user, "'claude --version' does not run in it");
  return {
    uid: Number(facts[1]),
    gids: (facts[2] ?? '').trim().split(' ').map(Number),
    home: facts[3] ?? '/',
    claudeVersion: version,
    env: Object.fromEntries(variables.map(([, name = '', value = '']) => [name, value])),
    onboarded: ONBOARDING.every((key) => output.includes(`${MARK} ${key}`)),
  };
}

function noClaude(image: string, user: string | undefined, why: string, cause?: unknown): OrchestrationError {
  const as = user === undefined ? '' : ` as user '${user}'`;
  return new OrchestrationError(
    'CLAUDE_NOT_FOUND',
    `Image '${image}' (docker.image) cannot run Claude Code${as}: ${why}. It needs a shell, 'stat' and @anthropic-ai/claude-code, and the user of docker.user.`,
    { cause },
  );
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new OrchestrationError('CLAUDE_NOT_FOUND', `'claude --version' did not end within ${PROBE_MS} ms.`);
    timer = setTimeout(reject, PROBE_MS, error);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
