import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { injectedChannelCoder } from '../channelcoder/injected.js';
import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import { DockerEnvironment } from '../docker/docker-environment.js';
import { SessionWorktrees } from '../git/session-worktrees.js';
import type { SpawnProcess } from '../process/launcher.js';

/** What a built-in executor is made with. A manager makes its own; one made by hand takes the place of one in `executors`. */
export interface ClaudeExecutorOptions {
  /**
   * That of the manager, where the sessions' folders are. Containers are labelled with it, so that nobody else's are ever
   * touched.
   */
  stateDir: string;
  /** The environment of this process. Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Default `node:child_process`'s. */
  spawn?: SpawnProcess;
  /** A ChannelCoder for unit tests. Default: the module `channelcoder`. See `SessionManagerOptions.channelCoder`. */
  channelCoder?: ChannelCoderModule;
}

/** What the executors of one state folder share: the engine, the worktrees, and what the machine has. */
export class ClaudeRuntime {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly spawn: SpawnProcess;
  readonly docker: DockerEnvironment;
  readonly worktrees: SessionWorktrees;
  /** Takes the place of ChannelCoder, the engine and Claude. Undefined unless one was given, or the module is mocked. */
  readonly injected: ChannelCoderModule | undefined;

  constructor({ stateDir, env = process.env, spawn: spawnProcess = spawn, channelCoder }: ClaudeExecutorOptions) {
    this.injected = injectedChannelCoder(channelCoder);
    this.stateDir = stateDir;
    this.env = env;
    this.home = env.HOME ?? homedir();
    this.spawn = spawnProcess;
    this.docker = new DockerEnvironment({ stateDir, env, home: this.home, spawn: spawnProcess });
    this.worktrees = new SessionWorktrees(stateDir);
  }

  /** Whether a program is on the `PATH`. */
  async has(program: string): Promise<boolean> {
    for (const folder of (this.env.PATH ?? '').split(delimiter).filter(Boolean)) {
      const found = await access(join(resolve(folder), program), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return true;
    }
    return false;
  }
}
