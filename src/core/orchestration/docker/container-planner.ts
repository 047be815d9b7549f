import { realpath } from 'node:fs/promises';
import type { SessionFolder } from '../contract/session-folder.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { containerGit } from '../git/container/container-git.js';
import type { StoredLogin } from '../login/stored-login.js';
import { inWorkspace } from '../session/agent-place.js';
import type { DockerOptions } from '../session/docker-options.js';
import { allDone } from '../util/deferred.js';
import { serialized } from '../util/serialized.js';
import type { CheckedMount, Mount } from '../workspace/mount.js';
import { makeMountPoints } from '../workspace/mount-points.js';
import { refuseLinkedTargets } from '../workspace/mount-targets.js';
import { mountTargets } from '../workspace/mounts.js';
import { pinMounts } from '../workspace/pinned-mounts.js';
import { sshAccess } from '../workspace/ssh-mounts.js';
import { namedTargets } from '../workspace/volumes.js';
import { processUser } from './agent-user.js';
import { type Agent, Agents } from './agents.js';
import type { DockerSpec } from './docker-spec.js';
import type { DockerEngine } from './engine.js';
import { requireGitRights } from './git-rights.js';
import type { HelperContainers } from './helper-containers.js';
import type { Preparation } from './home-preparation.js';
import { HostMounts, type HostMountsOptions } from './host-mounts.js';
import type { ImageProbe } from './image-probe.js';
import { keepUser } from './kept-user.js';
import { requireMountable } from './more-args.js';
import { requireUsableHome } from './mounted-home.js';
import { requireOnboarded } from './onboarding.js';
import { conversationIn, requireOwnPlaces } from './own-places.js';
import type { AskedCaches } from './session-caches.js';
import { ensureSessionNetwork, requireNetwork } from './session-network.js';
import { folderOfUser, requireOwnWorktree } from './session-user.js';
import { SessionVolumes } from './session-volumes.js';

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
  /** The agent's user, to whom folders in memory are given. Absent if the engine cannot give them to anybody. */
  owner?: { readonly uid: number; readonly gid: number };
  /** What root does before the agent's user gets the container. Absent if the container starts with that user. */
  preparation?: Preparation;
  /** The folder in which Claude begins: `/workspace`, or a folder in it. */
  workdir: string;
  /** The caches that the run asks for. Default none. */
  caches?: AskedCaches;
  /** Words in front of the command, which run something before it. Default none. */
  before?: readonly string[];
  /** The release of Claude Code in the image. */
  claudeVersion: string;
  /** Claude's options, with paths as the container sees them. */
  claude: SessionSpec['claude'];
  /** The mounts in the notation of ChannelCoder, for a ChannelCoder that starts the container itself. */
  mountStrings: string[];
}

/** The facts about image and engine that a container depends on. */
export interface ContainerGround {
  readonly agent: Agent;
  /** By name or id. */
  readonly network: string;
  /** The variables with which Claude Code starts. The guard depends on some of them. */
  readonly env: Readonly<Record<string, string>>;
  /** The variables of the login, if the session's options give none. */
  readonly login: Readonly<Record<string, string>>;
}

/** What decides which user a session's container has. */
type GroundSpec = Pick<DockerSpec, 'docker' | 'cwd' | 'readOnly' | 'caches' | 'worksAs'>;

export interface PlannerOptions extends HostMountsOptions {
  engine: DockerEngine;
  probe: ImageProbe;
  /** The login of sessions whose options give none. */
  login: StoredLogin;
  helpers: HelperContainers;
}

/** The path of the session's MCP configuration in the container. */
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

/**
 * Decides how the container of a session is made. Refuses a session that could not run, or that would get control over the
 * machine.
 */
export class ContainerPlanner {
  readonly #options: PlannerOptions;
  readonly #agents: Agents;
  readonly #hostMounts: HostMounts;
  readonly #volumes: SessionVolumes;
  /** Lets only one check for the sessions' network run at a time, so that only the first check makes the network. */
  readonly #serialized = serialized();

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#agents = new Agents(options.engine, options.probe, processUser());
    this.#hostMounts = new HostMounts(options);
    this.#volumes = new SessionVolumes({ volumes: options.engine.volumes, helpers: options.helpers });
  }

  /**
   * Refuses a session that could not run, before anything is made.
   *
   * @returns the options with the real paths of their mounts, so that every run gets exactly the files that are checked now, and
   * the user whom every run gets
   * @throws OrchestrationError as `create()` documents
   */
  async check(spec: DockerSpec): Promise<Pick<DockerSpec, 'docker' | 'worksAs'>> {
    await this.#options.login.variablesFor(spec.docker); // Before the engine is asked for anything.
    const { asked } = await this.#hostMounts.check(spec);
    const places = [
      spec.cwd,
      ...(spec.worktree?.path === undefined ? [] : [spec.worktree.path]),
      this.#options.stateDir,
    ];
    requireMountable([...places, ...asked.map(({ source }) => source)], spec.docker);
    await this.#volumes.check(spec.docker);
    await requireNetwork(this.#options.engine, spec.docker);
    const { agent } = await this.ground({ ...spec, cwd: await folderOfUser(spec) });
    if (!spec.readOnly) await requireGitRights(spec.cwd, agent.onMachine, spec.worktree?.branch);
    const { keyFile, mounts } = await sshAccess(spec.docker.ssh ?? false, this.#options.host, agent.home);
    requireMountable(
      mounts.map(({ source }) => source),
      spec.docker,
    );
    await requireUsableHome(agent, asked);
    requireOwnPlaces(agent, spec, targetsOf(mounts));
    const docker = {
      ...spec.docker,
      mounts: asked.map(({ source, target, readonly }) => ({ source, target, readonly })),
      ...(keyFile !== undefined && { ssh: { keyFile } }),
    };
    const { onMachine } = agent;
    return { docker, ...(onMachine && spec.docker.user === undefined && { worksAs: onMachine }) };
  }

  /**
   * Refuses an image whose Claude would ask a person questions before it begins.
   *
   * @throws OrchestrationError `ONBOARDING_NEEDED`
   */
  async requireOnboarding(spec: Pick<DockerSpec, 'docker' | 'cwd' | 'worktree' | 'readOnly'>): Promise<void> {
    const agent = await this.agent({ ...spec, cwd: await folderOfUser(spec) });
    requireOnboarded(agent, spec.docker);
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
    { agent, network, login }: ContainerGround,
    guard: { mounts: readonly Mount[]; env: Record<string, string> },
  ): Promise<PlannedContainer> {
    const ssh = await sshAccess(spec.docker.ssh ?? false, this.#options.host, agent.home);
    const { workspace, asked } = await this.#hostMounts.again(spec, ssh.keyFile);
    await requireOwnWorktree(workspace, spec);
    const cached = (spec.caches ?? []).map((cache) => cache.env);
    const env = Object.assign({}, ...cached, ssh.env, login, spec.docker.env);
    const [git] = await allDone([
      containerGit({
        checkout: spec.cwd,
        folder: folder.path,
        readOnly: spec.readOnly,
        workspaces: spec.workspaces,
        env,
        identity: spec.git,
        person: this.#options.host,
      }),
      keepUser(spec, folder, agent.onMachine),
      requireUsableHome(agent, asked),
    ]);
    const own = await withRealSources([
      { source: folder.projects, target: conversationIn(agent.configDir), readonly: false },
      ...(spec.claude.mcpConfig === undefined
        ? []
        : [{ source: spec.claude.mcpConfig, target: MCP_CONFIG, readonly: true }]),
      ...guard.mounts,
    ]);
    const additional = [
      ...git.mounts,
      ...asked,
      ...ssh.mounts,
      // These come last, so that no mount of the user can cover them.
      ...own,
    ];
    const mounts = await pinMounts([workspace, ...additional]);
    requireMountable(
      mounts.map(({ source }) => source),
      spec.docker,
    );
    const { caches = [] } = spec;
    const named = [...namedTargets(spec.docker), ...targetsOf(caches)];
    requireOwnPlaces(agent, spec, targetsOf([...git.mounts, ...ssh.mounts, ...own]));
    await refuseLinkedTargets(mounts, named);
    await makeMountPoints(workspace.source, named);
    const owner = { uid: agent.uid, gid: agent.gid };
    await this.#volumes.prepare(spec.docker, owner);
    // As it is mounted: an agent can write a `.git` that leads to another repository.
    const scope = git.commonDir ?? spec.cwd;
    const canary = mounts.at(-1);
    if (!canary) throw new Error('unreachable: the workspace is always mounted');
    return {
      ...identity,
      options: { ...spec.docker, network },
      mounts,
      canary,
      ...(caches.length > 0 && { caches: { caches, scope, owner, image: spec.docker.image } }),
      entrypoint: agent.facts.entrypoint,
      // As root, Claude Code refuses to skip permissions unless it is told that it is in a sandbox.
      env: {
        ...env,
        ...git.env,
        ...(agent.uid === 0 && { IS_SANDBOX: '1' }),
        ...agent.preparation?.env,
        ...guard.env,
      },
      ...((await this.#agents.usersOfEngine()).ownsMemory && { owner }),
      ...(agent.preparation && { preparation: agent.preparation }),
      claudeVersion: agent.claudeVersion,
      workdir: inWorkspace(spec.part ?? ''),
      claude: {
        ...spec.claude,
        ...(spec.claude.mcpConfig !== undefined && { mcpConfig: MCP_CONFIG }),
        ...(git.note !== undefined && {
          appendSystem: [git.note, spec.claude.appendSystem].filter(Boolean).join('\n\n'),
        }),
      },
      mountStrings: additional.map(({ source, target, readonly }) => `${source}:${target}${readonly ? ':ro' : ''}`),
    };
  }

  /** The network that a container gets, by name or id. */
  async #network({ network }: Readonly<DockerOptions>): Promise<string> {
    if (network !== undefined) return network;
    return this.#serialized(() => ensureSessionNetwork(this.#options.engine));
  }

  /**
   * The user of a session.
   *
   * @param spec `cwd` is the folder that the agent works in
   * @throws OrchestrationError `WORKSPACE_NOT_WRITABLE`, `UNSAFE_MOUNT`, `IMAGE_NOT_FOUND`, `CLAUDE_NOT_FOUND`,
   * `DOCKER_UNAVAILABLE`
   */
  agent({ docker, cwd, readOnly, caches, worksAs }: GroundSpec): Promise<Agent> {
    const mounted = [...mountTargets(docker.mounts ?? []), ...namedTargets(docker), ...targetsOf(caches ?? [])];
    return this.#agents.of({ docker, folder: cwd, readOnly, mounted, worksAs });
  }

  /**
   * The facts about image and engine for a session's container.
   *
   * @param spec `cwd` is the folder that the agent works in
   */
  async ground(spec: GroundSpec): Promise<ContainerGround> {
    const { docker } = spec;
    // A probe that is under way is awaited even if something else fails, so that its container is gone.
    const [agent, network, login] = await allDone([
      this.agent(spec),
      this.#network(docker),
      this.#options.login.variablesFor(docker),
    ]);
    return { agent, network, login, env: { ...agent.facts.env, ...docker.env } };
  }
}

function targetsOf(places: readonly { readonly target: string }[]): string[] {
  return places.map(({ target }) => target);
}

/**
 * Replaces the sources of mounts by their real paths. These are the library's own files. A link on the way to them is safe,
 * because only the user can have put it there.
 */
async function withRealSources(mounts: readonly Mount[]): Promise<Mount[]> {
  return Promise.all(mounts.map(async (mount) => ({ ...mount, source: await realpath(mount.source) })));
}
