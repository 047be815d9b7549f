import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { nanoid } from 'nanoid';
import { OrchestrationError, shown } from '../errors.js';
import type { RunHandle, SessionSpec } from '../executors/base-executor.js';
import { launchDetached, type SpawnProcess } from '../executors/launcher.js';
import type { SessionFolder } from '../state/session-folder.js';
import { findGitLayout } from '../workspace/git-layout.js';
import { gitEnvironment, gitMounts, WORKSPACE } from '../workspace/git-mounts.js';
import { type Mount, type ProtectedPaths, parseMounts, refuseUnsafe, resolveMounts } from '../workspace/mounts.js';
import { sshAccess } from '../workspace/ssh-mounts.js';
import { checkWritable } from '../workspace/workspace-check.js';
import { runContainer } from './container-run.js';
import { ContainerWatch } from './container-watch.js';
import type { DockerOptions } from './docker-options.js';
import { type Endpoint, resolveEndpoint } from './endpoint.js';
import { DockerEngine } from './engine.js';
import { type ImageFacts, ImageProbe } from './image-probe.js';
import { dockerRunArgs } from './run-args.js';

/** A session that runs in Docker, with the folder that is its workspace. */
export type DockerSpec = Pick<SessionSpec, 'id' | 'cwd' | 'claude' | 'worktree'> & { docker: Readonly<DockerOptions> };

/** A container about to be started. */
export interface PlannedContainer {
  name: string;
  labels: Record<string, string>;
  options: Readonly<DockerOptions>;
  mounts: Mount[];
  env: Record<string, string>;
  /** Claude's options, with paths as the container sees them. */
  claude: SessionSpec['claude'];
  /** The mounts as ChannelCoder writes them, for one that starts the container itself. */
  mountStrings: string[];
}

const OWNER_LABEL = 'autonomous-orchestration.owner';
const SESSION_LABEL = 'autonomous-orchestration.session';
const RUN_LABEL = 'autonomous-orchestration.run';
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

/** Brings sessions and the engine together: what a container gets to see, and how it is run. */
export class DockerEnvironment {
  readonly engine: DockerEngine;
  readonly #host: { env: NodeJS.ProcessEnv; home: string };
  readonly #stateDir: string;
  readonly #spawn: SpawnProcess;
  readonly #owner: string;
  readonly #watch: ContainerWatch;
  readonly #probe: ImageProbe;
  #endpoint: Promise<Endpoint> | undefined;

  constructor(options: { stateDir: string; env: NodeJS.ProcessEnv; home: string; spawn: SpawnProcess }) {
    this.#host = options;
    this.#stateDir = options.stateDir;
    this.#spawn = options.spawn;
    this.#owner = createHash('sha256').update(resolve(options.stateDir)).digest('hex').slice(0, 16);
    this.engine = new DockerEngine(() => this.#resolveEndpoint());
    this.#watch = new ContainerWatch(this.engine, `${OWNER_LABEL}=${this.#owner}`);
    this.#probe = new ImageProbe(
      this.engine,
      { [OWNER_LABEL]: this.#owner },
      () => `ao-probe-${nanoid(10).replaceAll(/[-_]/g, '0')}`,
    );
  }

  /**
   * Refuses what could not run, before anything is made.
   *
   * @throws OrchestrationError as `create()` documents
   */
  async check(spec: DockerSpec): Promise<void> {
    const mounts = parseMounts(spec.docker.mounts ?? []);
    const facts = await this.#facts(spec);
    await this.#sources(spec, mounts, facts);
    if (spec.claude.mcpConfig !== undefined) await mcpMount(spec.cwd, spec.claude.mcpConfig);
    const { image } = spec.docker;
    if (!spec.worktree) return checkWritable(spec.cwd, image, facts);
    // The worktree itself is made by the host, at the start; commits go to the repository's object store.
    const layout = await findGitLayout(spec.cwd);
    if (layout) await checkWritable(resolve(layout.commonDir, 'objects'), image, facts);
  }

  /** Everything that a container of a session gets. `spec.cwd` is what is mounted at `/workspace`. */
  async container(spec: DockerSpec, folder: SessionFolder, run: number): Promise<PlannedContainer> {
    const facts = await this.#facts(spec);
    const { mounts, sshEnv } = await this.#sources(spec, parseMounts(spec.docker.mounts ?? []), facts);
    await checkWritable(spec.cwd, spec.docker.image, facts);
    const env = { ...sshEnv, ...spec.docker.env };
    const mcp = spec.claude.mcpConfig === undefined ? undefined : await mcpMount(spec.cwd, spec.claude.mcpConfig);
    const additional = [
      { source: folder.projects, target: `${facts.home}/.claude/projects`, readonly: false },
      ...(await gitMounts(spec.cwd)),
      ...(mcp ? [mcp] : []),
      ...mounts,
    ];
    return {
      name: `ao-${spec.id}-${run}`,
      labels: { [OWNER_LABEL]: this.#owner, [SESSION_LABEL]: spec.id, [RUN_LABEL]: String(run) },
      options: spec.docker,
      mounts: [{ source: spec.cwd, target: WORKSPACE, readonly: false }, ...additional],
      // Claude Code refuses to skip permissions as root unless it is told that it is in a sandbox.
      env: { ...(facts.uid === 0 && { IS_SANDBOX: '1' }), ...env, ...gitEnvironment(env) },
      claude: mcp ? { ...spec.claude, mcpConfig: mcp.target } : spec.claude,
      mountStrings: additional.map(({ source, target, readonly }) => `${source}:${target}${readonly ? ':ro' : ''}`),
    };
  }

  /** Starts a container and follows it to its end. */
  run(
    container: PlannedContainer,
    command: string[],
    files: { folder: SessionFolder; inputFile: string },
  ): Promise<RunHandle> {
    const { args, env } = dockerRunArgs({ ...container, command });
    return runContainer({
      engine: this.engine,
      watch: this.#watch,
      name: container.name,
      launch: () =>
        launchDetached(this.#spawn, {
          command: 'docker',
          args,
          cwd: files.folder.path,
          env: { ...this.#host.env, ...env },
          ...files,
        }),
    });
  }

  close(): void {
    this.#watch.close();
    this.engine.close();
  }

  #facts({ docker }: DockerSpec): Promise<ImageFacts> {
    return this.#probe.facts(docker.image, docker.user);
  }

  /** The mounts that the user asked for, and those that `ssh` needs. */
  async #sources(
    spec: DockerSpec,
    mounts: Mount[],
    facts: ImageFacts,
  ): Promise<{ mounts: Mount[]; sshEnv: Record<string, string> }> {
    const endpoint = await this.#resolveEndpoint();
    const paths: ProtectedPaths = {
      home: this.#host.home,
      stateDir: this.#stateDir,
      ...('socketPath' in endpoint && { engineSocket: endpoint.socketPath }),
    };
    const allowUnsafe = spec.docker.allowUnsafeMounts ?? false;
    if (!allowUnsafe) await refuseUnsafe(spec.cwd, spec.cwd, paths);
    const ssh = await sshAccess(spec.docker.ssh ?? false, this.#host, facts.home);
    return { mounts: [...(await resolveMounts(mounts, paths, allowUnsafe)), ...ssh.mounts], sshEnv: ssh.env };
  }

  async #resolveEndpoint(): Promise<Endpoint> {
    // Resolved once; a failure is not remembered.
    this.#endpoint ??= resolveEndpoint(this.#host.env).catch((error: unknown) => {
      this.#endpoint = undefined;
      throw error;
    });
    return this.#endpoint;
  }
}

/** Claude reads the MCP configuration inside the container, so the host's file is mounted there. */
async function mcpMount(cwd: string, file: string): Promise<Mount> {
  const source = resolve(cwd, file);
  await readFile(source).catch((cause: unknown) => {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'mcpConfig' (${shown(file)}) cannot be read; it is relative to cwd.`,
      { cause },
    );
  });
  return { source, target: MCP_CONFIG, readonly: true };
}
