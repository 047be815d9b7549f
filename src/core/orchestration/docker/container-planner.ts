import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { OrchestrationError, shown } from '../errors.js';
import type { SessionSpec } from '../executors/base-executor.js';
import type { SessionFolder } from '../state/session-folder.js';
import { findGitLayout } from '../workspace/git-layout.js';
import { gitEnvironment, gitMounts, readOnlyGitMounts, WORKSPACE } from '../workspace/git-mounts.js';
import { type Mount, type ProtectedPaths, parseMounts, refuseUnsafe, resolveMounts } from '../workspace/mounts.js';
import { sshAccess } from '../workspace/ssh-mounts.js';
import { checkWritable } from '../workspace/workspace-check.js';
import type { DockerOptions } from './docker-options.js';
import { DEFAULT_SOCKET, type Endpoint } from './endpoint.js';
import type { DockerEngine } from './engine.js';
import type { ImageFacts, ImageProbe } from './image-probe.js';
import { demandOnboarded } from './onboarding.js';

/** A session that runs in Docker, with the folder that is its workspace. */
export type DockerSpec = Pick<SessionSpec, 'cwd' | 'claude' | 'worktree'> & {
  docker: Readonly<DockerOptions>;
  /** Whether the agent may only read the workspace. */
  readOnly: boolean;
};

/** A container about to be started. */
export interface PlannedContainer {
  name: string;
  labels: Record<string, string>;
  options: Readonly<DockerOptions>;
  mounts: Mount[];
  env: Record<string, string>;
  /** Claude's options, with paths as the container sees them. */
  claude: SessionSpec['claude'];
  /** The mounts as ChannelCoder writes them, for a ChannelCoder that starts the container itself. */
  mountStrings: string[];
}

export interface PlannerOptions {
  engine: DockerEngine;
  probe: ImageProbe;
  /** Where the engine listens. */
  endpoint: () => Promise<Endpoint>;
  stateDir: string;
  /** The host's environment, and the home folder of the user that the host runs as. */
  host: { env: NodeJS.ProcessEnv; home: string };
}

/** Where a container finds the session's MCP configuration. */
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

/** Decides what the container of a session is to be, and refuses what could not run or would hand over the host. */
export class ContainerPlanner {
  readonly #options: PlannerOptions;
  #mapping: Promise<boolean> | undefined;

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /**
   * Refuses what could not run, before anything is made.
   *
   * @throws OrchestrationError as `create()` documents
   */
  async check(spec: DockerSpec): Promise<void> {
    await this.#hostMounts(spec);
    const facts = await this.#facts(spec);
    await sshAccess(spec.docker.ssh ?? false, this.#options.host, facts.home);
    if (spec.readOnly) return;
    if (!spec.worktree) return this.#checkWritable(spec.cwd, spec, facts);
    // The worktree itself is made by the host, at the start; commits go to the repository's object store.
    const layout = await findGitLayout(spec.cwd);
    if (layout) await this.#checkWritable(resolve(layout.commonDir, 'objects'), spec, facts);
  }

  /**
   * Refuses an image whose Claude would ask a person for things before it begins.
   *
   * @throws OrchestrationError `ONBOARDING_NEEDED`
   */
  async demandOnboarding(docker: Readonly<DockerOptions>): Promise<void> {
    demandOnboarded(await this.#facts({ docker }), docker);
  }

  /**
   * Everything that a container of a session gets. `spec.cwd` is what is mounted at `/workspace`.
   *
   * @param identity what the container of this run is known by
   * @param guard what the session's hook needs
   */
  async container(
    spec: DockerSpec,
    identity: Pick<PlannedContainer, 'name' | 'labels'>,
    folder: SessionFolder,
    guard: { mounts: readonly Mount[]; env: Record<string, string> },
  ): Promise<PlannedContainer> {
    const facts = await this.#facts(spec);
    const ssh = await sshAccess(spec.docker.ssh ?? false, this.#options.host, facts.home);
    await refuseMoved(spec.cwd);
    if (!spec.readOnly) await this.#checkWritable(spec.cwd, spec, facts);
    const env = { ...ssh.env, ...spec.docker.env };
    const additional = [
      { source: folder.projects, target: `${facts.home}/.claude/projects`, readonly: false },
      ...(await (spec.readOnly ? readOnlyGitMounts(spec.cwd) : gitMounts(spec.cwd))),
      ...(await this.#hostMounts(spec)),
      ...ssh.mounts,
      ...(spec.claude.mcpConfig === undefined
        ? []
        : [{ source: spec.claude.mcpConfig, target: MCP_CONFIG, readonly: true }]),
      // Last, so that no mount of the user's lies on top of them.
      ...guard.mounts,
    ];
    return {
      ...identity,
      options: spec.docker,
      mounts: [{ source: spec.cwd, target: WORKSPACE, readonly: spec.readOnly }, ...additional],
      // Claude Code refuses to skip permissions as root unless it is told that it is in a sandbox.
      env: { ...env, ...gitEnvironment(env), ...(facts.uid === 0 && { IS_SANDBOX: '1' }), ...guard.env },
      claude: spec.claude.mcpConfig === undefined ? spec.claude : { ...spec.claude, mcpConfig: MCP_CONFIG },
      mountStrings: additional.map(({ source, target, readonly }) => `${source}:${target}${readonly ? ':ro' : ''}`),
    };
  }

  /** What Claude Code starts with in a container, of the variables that its guard depends on. */
  async environment(spec: Pick<DockerSpec, 'docker'>): Promise<Record<string, string>> {
    const { env } = await this.#facts(spec);
    return { ...env, ...spec.docker.env };
  }

  #facts({ docker }: Pick<DockerSpec, 'docker'>): Promise<ImageFacts> {
    return this.#options.probe.facts(docker.image, docker.user);
  }

  /** The mounts that the user asked for; the workspace is checked like one of them. */
  async #hostMounts({ cwd, docker }: DockerSpec): Promise<Mount[]> {
    const mounts = parseMounts(docker.mounts ?? []);
    const endpoint = await this.#options.endpoint();
    const paths: ProtectedPaths = {
      home: this.#options.host.home,
      stateDir: this.#options.stateDir,
      engineSockets: [DEFAULT_SOCKET, ...('socketPath' in endpoint ? [endpoint.socketPath] : [])],
    };
    const allowUnsafe = docker.allowUnsafeMounts ?? false;
    if (!allowUnsafe) await refuseUnsafe(cwd, cwd, paths);
    return resolveMounts(mounts, paths, allowUnsafe);
  }

  /** @throws OrchestrationError `WORKSPACE_NOT_WRITABLE` */
  async #checkWritable(folder: string, { docker }: DockerSpec, facts: ImageFacts): Promise<void> {
    // Where users are mapped, as in rootless engines and desktop virtual machines, ids on the host tell nothing.
    if (!(await this.#mapsUsers())) await checkWritable(folder, docker.image, facts);
  }

  async #mapsUsers(): Promise<boolean> {
    if (process.platform !== 'linux') return true;
    // Asked once; a failure is not remembered.
    this.#mapping ??= this.#options.engine.mapsUsers().catch((error: unknown) => {
      this.#mapping = undefined;
      throw error;
    });
    return this.#mapping;
  }
}

/** While a session waited, an agent next door may have put a link in the place of its workspace. */
async function refuseMoved(cwd: string): Promise<void> {
  const real = await realpath(cwd).catch(() => undefined);
  if (real === cwd) return;
  const now = real === undefined ? 'is gone' : `leads to ${shown(real)} now`;
  throw new OrchestrationError('UNSAFE_MOUNT', `The workspace ${shown(cwd)} ${now}; create the session anew.`);
}
