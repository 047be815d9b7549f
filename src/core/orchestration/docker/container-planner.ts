import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SessionFolder } from '../contract/session-folder.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { requireInside, type Workspaces } from '../git/confinement.js';
import { findGitLayout } from '../git/layout.js';
import { gitEnvironment, gitMounts, readOnlyGitMounts } from '../git/mounts.js';
import type { StoredLogin } from '../login/stored-login.js';
import type { DockerOptions } from '../session/docker-options.js';
import { messageOf, OrchestrationError } from '../util/errors.js';
import { serialized } from '../util/serialized.js';
import type { CheckedMount, Mount } from '../workspace/mount.js';
import { pinMounts } from '../workspace/pinned-mounts.js';
import { sshAccess } from '../workspace/ssh-mounts.js';
import { checkWritable } from '../workspace/workspace-check.js';
import type { DockerSpec } from './docker-spec.js';
import type { DockerEngine } from './engine.js';
import { HostMounts, type HostMountsOptions } from './host-mounts.js';
import type { ImageFacts, ImageProbe } from './image-probe.js';
import { requireOnboarded } from './onboarding.js';
import { ensureSessionNetwork } from './session-network.js';

/** A container that is about to be started. */
export interface PlannedContainer {
  name: string;
  labels: Record<string, string>;
  options: Readonly<DockerOptions>;
  mounts: CheckedMount[];
  /** The one of the `mounts` that shows if mounts can be compared at all; see `checkedStart`. No agent can reach its source. */
  canary: CheckedMount;
  /** The image's entrypoint, which containers run before their command. */
  entrypoint: readonly string[];
  env: Record<string, string>;
  /** The release of Claude Code in the image. */
  claudeVersion: string;
  /** Claude's options, with paths as the container sees them. */
  claude: SessionSpec['claude'];
  /** The mounts in the notation of ChannelCoder, for a ChannelCoder that starts the container itself. */
  mountStrings: string[];
}

/** The facts about image and engine that a container depends on. */
export interface ContainerGround {
  readonly facts: ImageFacts;
  /** By name or id. */
  readonly network: string;
  /** The variables with which Claude Code starts. The guard depends on some of them. */
  readonly env: Readonly<Record<string, string>>;
  /** The variables of the login, if the session's options give none. */
  readonly login: Readonly<Record<string, string>>;
}

export interface PlannerOptions extends HostMountsOptions {
  engine: DockerEngine;
  probe: ImageProbe;
  /** The login of sessions whose options give none. */
  login: StoredLogin;
}

/** The path of the session's MCP configuration in the container. */
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

/**
 * Decides how the container of a session is made. Refuses a session that could not run, or that would get control over the
 * machine.
 */
export class ContainerPlanner {
  readonly #options: PlannerOptions;
  #mapping: Promise<boolean> | undefined;
  readonly #hostMounts: HostMounts;
  /** Lets only one check for the sessions' network run at a time, so that only the first check makes the network. */
  readonly #serialized = serialized();

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#hostMounts = new HostMounts(options);
  }

  /**
   * Refuses a session that could not run, before anything is made.
   *
   * @returns the options with the real paths of their mounts, so that every run gets exactly the files that are checked now
   * @throws OrchestrationError as `create()` documents
   */
  async check(spec: DockerSpec): Promise<Readonly<DockerOptions>> {
    await this.#options.login.variablesFor(spec.docker); // Before the engine is asked for anything.
    const { asked } = await this.#hostMounts.check(spec);
    const { facts } = await this.ground(spec);
    const { keyFile } = await sshAccess(spec.docker.ssh ?? false, this.#options.host, facts.home);
    if (!spec.readOnly) await this.#checkRights(spec, facts);
    return {
      ...spec.docker,
      mounts: asked.map(({ source, target, readonly }) => ({ source, target, readonly })),
      ...(keyFile !== undefined && { ssh: { keyFile } }),
    };
  }

  async #checkRights(spec: DockerSpec, facts: ImageFacts): Promise<void> {
    if (!spec.worktree) return this.#checkWritable(spec.cwd, spec, facts);
    // This process makes the worktree itself when the session starts. But commits go to the repository's object store.
    const layout = await findGitLayout(spec.cwd);
    if (layout) await this.#checkWritable(resolve(layout.commonDir, 'objects'), spec, facts);
  }

  /**
   * Refuses an image whose Claude would ask a person questions before it begins.
   *
   * @throws OrchestrationError `ONBOARDING_NEEDED`
   */
  async requireOnboarding(docker: Readonly<DockerOptions>): Promise<void> {
    requireOnboarded(await this.#facts({ docker }), docker);
  }

  /**
   * Everything that a container of a session gets. `spec.cwd` is mounted at `/workspace`.
   *
   * @param identity the name and labels by which the container of this run is recognized
   * @param ground the facts that the container depends on, which `ground()` returned just before
   * @param guard the mounts and variables that the session's hook needs
   */
  async container(
    spec: DockerSpec,
    identity: Pick<PlannedContainer, 'name' | 'labels'>,
    folder: SessionFolder,
    { facts, network, login }: ContainerGround,
    guard: { mounts: readonly Mount[]; env: Record<string, string> },
  ): Promise<PlannedContainer> {
    const ssh = await sshAccess(spec.docker.ssh ?? false, this.#options.host, facts.home);
    const { workspace, asked } = await this.#hostMounts.again(spec, ssh.keyFile);
    if (!spec.readOnly) await this.#checkWritable(spec.cwd, spec, facts);
    const git = await (spec.readOnly ? readOnlyGitMounts(spec.cwd) : gitMounts(spec.cwd));
    await requireGitInside(git, spec.workspaces);
    const env = { ...ssh.env, ...login, ...spec.docker.env };
    const own = await withRealSources([
      { source: folder.projects, target: `${facts.home}/.claude/projects`, readonly: false },
      ...(spec.claude.mcpConfig === undefined
        ? []
        : [{ source: spec.claude.mcpConfig, target: MCP_CONFIG, readonly: true }]),
      ...guard.mounts,
    ]);
    const additional = [
      ...git,
      ...asked,
      ...ssh.mounts,
      // These come last, so that no mount of the user can cover them.
      ...own,
    ];
    const mounts = await pinMounts([workspace, ...additional]);
    const canary = mounts.at(-1);
    if (!canary) throw new Error('unreachable: the workspace is always mounted');
    return {
      ...identity,
      options: { ...spec.docker, network },
      mounts,
      canary,
      entrypoint: facts.entrypoint,
      // As root, Claude Code refuses to skip permissions unless it is told that it is in a sandbox.
      env: { ...env, ...gitEnvironment(env), ...(facts.uid === 0 && { IS_SANDBOX: '1' }), ...guard.env },
      claudeVersion: facts.claudeVersion,
      claude: spec.claude.mcpConfig === undefined ? spec.claude : { ...spec.claude, mcpConfig: MCP_CONFIG },
      mountStrings: additional.map(({ source, target, readonly }) => `${source}:${target}${readonly ? ':ro' : ''}`),
    };
  }

  /** The network that a container gets, by name or id. */
  async #network({ network }: Readonly<DockerOptions>): Promise<string> {
    if (network !== undefined) return network;
    return this.#serialized(() => ensureSessionNetwork(this.#options.engine));
  }

  /** The facts about image and engine for a session's container. */
  async ground(spec: Pick<DockerSpec, 'docker'>): Promise<ContainerGround> {
    const [facts, network, login] = await Promise.all([
      this.#facts(spec),
      this.#network(spec.docker),
      this.#options.login.variablesFor(spec.docker),
    ]);
    return { facts, network, login, env: { ...facts.env, ...spec.docker.env } };
  }

  #facts({ docker }: Pick<DockerSpec, 'docker'>): Promise<ImageFacts> {
    return this.#options.probe.facts(docker.image, docker.user);
  }

  /** @throws OrchestrationError `WORKSPACE_NOT_WRITABLE` */
  async #checkWritable(folder: string, { docker }: DockerSpec, facts: ImageFacts): Promise<void> {
    // If the engine maps users, as rootless engines and desktop virtual machines do, the owner of a folder on the machine does
    // not show who can write to it in the container.
    if (!(await this.#mapsUsers())) await checkWritable(folder, docker.image, facts);
  }

  async #mapsUsers(): Promise<boolean> {
    if (process.platform !== 'linux') return true;
    // The engine is asked once. A failure is not remembered.
    this.#mapping ??= this.#options.engine.mapsUsers().catch((error: unknown) => {
      this.#mapping = undefined;
      throw error;
    });
    return this.#mapping;
  }
}

/**
 * Replaces the sources of mounts by their real paths. These are the library's own files. A link on the way to them is safe,
 * because only the user can have put it there.
 */
async function withRealSources(mounts: readonly Mount[]): Promise<Mount[]> {
  return Promise.all(mounts.map(async (mount) => ({ ...mount, source: await realpath(mount.source) })));
}

/**
 * Checks exactly the folders that are mounted, because a `.git` file may have been replaced since the workspace was checked.
 */
async function requireGitInside(mounts: readonly Mount[], workspaces: Workspaces): Promise<void> {
  try {
    for (const { source } of mounts) await requireInside(source, workspaces, 'the git folder');
  } catch (cause) {
    throw new OrchestrationError('UNSAFE_MOUNT', `Mounting is refused: ${messageOf(cause)}.`, { cause });
  }
}
