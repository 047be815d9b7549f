import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { WORKSPACE } from '../session/agent-place.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { CheckedMount } from '../workspace/mount.js';
import { refuseLinkedTargets } from '../workspace/mount-targets.js';
import { parseMounts, refuseUnsafeWorktree, resolveMounts } from '../workspace/mounts.js';
import { refuseRedirected, sourcesOf } from '../workspace/pinned-mounts.js';
import { ProtectedMachine } from '../workspace/protected-machine.js';
import { namedTargets } from '../workspace/volumes.js';
import type { DockerSpec } from './docker-spec.js';
import type { Endpoint } from './endpoint.js';

/** How long the list of the machine's protected places is reused. No agent can reach these places, so none can change them. */
const MACHINE_MS = 2_000;

export interface HostMountsOptions {
  /** Where the engine listens. */
  endpoint: () => Promise<Endpoint>;
  stateDir: string;
  /** The environment of this process, and the home folder of the user that it runs as. */
  host: { env: NodeJS.ProcessEnv; home: string };
}

/** The mounts of a container whose sources the user has chosen. All are checked in the same way. */
export interface ChosenMounts {
  workspace: CheckedMount;
  /** The mounts of the option `mounts`. */
  asked: CheckedMount[];
}

/** Checks the places on the machine that the user gives to a session. */
export class HostMounts {
  readonly #options: HostMountsOptions;
  #machine: { seen: ProtectedMachine; at: number } | undefined;

  constructor(options: HostMountsOptions) {
    this.#options = options;
  }

  /** The check when a session is created. @throws OrchestrationError `UNSAFE_MOUNT`, `INVALID_OPTIONS` */
  async check(spec: DockerSpec): Promise<ChosenMounts> {
    const chosen = await this.#mounts(spec);
    const worktree = spec.worktree?.path;
    if (worktree !== undefined && !spec.docker.allowUnsafeMounts) {
      await refuseUnsafeWorktree(resolve(spec.cwd, spec.part ?? '', worktree), await this.#protected());
    }
    return chosen;
  }

  /**
   * The check when a container is made. All mounts have to lead to the same places as when the session was created.
   *
   * @throws OrchestrationError `UNSAFE_MOUNT`, `INVALID_OPTIONS`
   */
  async again(spec: DockerSpec, keyFile: string | undefined): Promise<ChosenMounts> {
    await refuseMoved(join(spec.cwd, spec.part ?? ''));
    const chosen = await this.#mounts(spec);
    const sources = chosen.asked.map(({ source }) => source);
    refuseRedirected(keyFile === undefined ? sources : [...sources, keyFile], sourcesOf(spec.docker));
    return chosen;
  }

  async #mounts({ cwd, part, docker, readOnly }: DockerSpec): Promise<ChosenMounts> {
    const asked = parseMounts(docker.mounts ?? []);
    const mounts = [{ source: cwd, target: WORKSPACE, readonly: readOnly }, ...asked];
    const [workspace, ...rest] = await resolveMounts(
      mounts,
      await this.#protected(),
      docker.allowUnsafeMounts ?? false,
    ).catch((error: unknown) => {
      throw part === undefined || part === '' ? error : withReason(error, cwd, part);
    });
    if (!workspace) throw new Error('unreachable: a mount was lost');
    await refuseLinkedTargets([workspace, ...rest], namedTargets(docker));
    return { workspace, asked: rest };
  }

  /**
   * A session is checked twice: when it is created, and when its container is made. If it starts at once, both checks share
   * this list.
   */
  async #protected(): Promise<ProtectedMachine> {
    const endpoint = await this.#options.endpoint();
    const { host, stateDir } = this.#options;
    const now = performance.now();
    if (this.#machine === undefined || now - this.#machine.at > MACHINE_MS) {
      const engineSockets = 'socketPath' in endpoint ? [endpoint.socketPath] : [];
      this.#machine = { seen: new ProtectedMachine({ ...host, stateDir, engineSockets }), at: now };
    }
    return this.#machine.seen;
  }
}

/** While a session waited, an agent in a neighbouring folder may have put a link in the place of its workspace. */
async function refuseMoved(cwd: string): Promise<void> {
  const real = await realpath(cwd).catch(() => undefined);
  if (real === cwd) return;
  const now = real === undefined ? 'is gone' : `leads to ${quote(real)} now`;
  throw new OrchestrationError('UNSAFE_MOUNT', `The workspace ${quote(cwd)} ${now}; create the session anew.`);
}

/** Adds to a refusal why the repository is mounted, as the user named only a folder of it. */
function withReason(error: unknown, root: string, part: string): unknown {
  if (!(error instanceof OrchestrationError) || !error.message.includes(quote(root))) return error;
  return new OrchestrationError(
    error.code,
    `${error.message} It is mounted because 'cwd' is the folder ${quote(part)} of the repository there. To work in that folder alone, make it a repository of its own (git init).`,
    { cause: error },
  );
}
