import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import { SessionFolder } from '../contract/session-folder.js';
import { DockerEnvironment } from '../docker/docker-environment.js';
import { SessionWorktrees } from '../git/worktrees/session-worktrees.js';
import { StoredLogin } from '../login/stored-login.js';
import { MailboxFiles } from '../mailbox/mailbox-files.js';
import { injectedChannelCoder, isTestRunner } from '../monitoring/injected.js';
import { findProcess } from '../process/find-process.js';
import { LaunchHelper } from '../process/launch-helper.js';
import type { SpawnProcess, Starter } from '../process/launcher.js';
import type { LoginSource } from '../session/login-source.js';
import { OrchestrationError } from '../util/errors.js';
import { readOwnFile } from '../util/fs/own-file.js';

/** The options of a session may have long prompts. */
const MOST_SPEC_BYTES = 16 * 1024 * 1024;

/**
 * The options of a built-in executor. A manager makes the built-in executors itself. If you make one and pass it in the manager's
 * option `executors`, it replaces the manager's own.
 */
export interface ClaudeExecutorOptions {
  /**
   * The folder which contains the sessions' folders. Containers get a label made from its path, so that containers of anybody
   * else are never touched. Default: the `stateDir` of the manager to which the executor is given; without a manager, the default
   * of `SessionManagerOptions.stateDir`.
   */
  stateDir?: string;
  /** The environment of this process. Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /**
   * The function that starts processes. Default: `spawn` of `node:child_process`; on Linux a small helper process calls it, so that
   * a start does not block the event loop of a process that uses much memory.
   */
  spawn?: SpawnProcess;
  /**
   * A ChannelCoder for unit tests, see `SessionManagerOptions.channelCoder`. Default: that of the manager to which the executor is
   * given, else the module `channelcoder`.
   */
  channelCoder?: ChannelCoderModule;
  /** Where the login is, see `SessionManagerOptions.login`. Default: that of the manager to which the executor is given. */
  login?: LoginSource | false;
}

export interface ClaudeRuntimeOptions extends ClaudeExecutorOptions {
  stateDir: string;
}

/** What the executors of one state folder share: the engine, the worktrees, the environment and the machine's programs. */
export class ClaudeRuntime {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Starts what outlives this process. */
  readonly starter: Starter;
  readonly docker: DockerEnvironment;
  /** The login of sessions whose options give none. */
  readonly login: StoredLogin;
  readonly worktrees: SessionWorktrees;
  readonly #channelCoder: ChannelCoderModule | undefined;
  #injected: Promise<ChannelCoderModule | undefined> | undefined;
  #hasWarned = false;

  constructor({ stateDir, env = process.env, spawn: given, channelCoder, login }: ClaudeRuntimeOptions) {
    this.#channelCoder = channelCoder;
    this.stateDir = stateDir;
    this.env = env;
    this.home = env.HOME ?? homedir();
    this.starter = given ? { spawn: given } : { spawn, helper: new LaunchHelper() };
    this.login = new StoredLogin({ source: login, env, home: this.home });
    this.docker = new DockerEnvironment({
      stateDir,
      env,
      home: this.home,
      starter: this.starter,
      login: this.login,
    });
    this.worktrees = new SessionWorktrees(stateDir, (session) => this.#works(session));
  }

  /** What takes the place of ChannelCoder, the engine and Claude. Undefined unless one was given, or the module is mocked. */
  injected(): Promise<ChannelCoderModule | undefined> {
    this.#injected ??= injectedChannelCoder(this.#channelCoder, this.env);
    return this.#injected;
  }

  /** Warns once if a session is real in a process of a test runner, because a mock of ChannelCoder may not have been found. */
  warnInTests(): void {
    if (this.#hasWarned || !isTestRunner(this.env)) return;
    this.#hasWarned = true;
    process.emitWarning(
      'A test starts a real session of Claude Code, which costs money. If ChannelCoder should be mocked, give the mock to the ' +
        'manager: new UnifiedSessionManager({ channelCoder }). A mocked module needs settings of the test runner, see docs/guide.md.',
      'RealSessionInTest',
    );
  }

  /** True if an agent of a session works, in a container or on the machine, although no process follows it. */
  async #works({ id, stateDir }: { id: string; stateDir: string }): Promise<boolean> {
    const { settings } = new MailboxFiles(new SessionFolder(stateDir, id).guard);
    if (await findProcess('--settings', settings)) return true;
    // Without an answer of the engine it is not known, and then nobody else may enter the worktree.
    return (await isWithoutDocker(stateDir, id)) ? false : this.docker.works(id);
  }

  /** Releases what the executors hold for all sessions. Their runs go on. */
  async close(): Promise<void> {
    await Promise.all([this.docker.close(), this.starter.helper?.close()]);
  }

  /** Refuses a run without Docker if the machine has no Claude Code. @throws OrchestrationError `CLAUDE_NOT_FOUND` */
  async requireClaude(): Promise<void> {
    if (await this.has('claude')) return;
    throw new OrchestrationError(
      'CLAUDE_NOT_FOUND',
      "docker: false runs the machine's own 'claude', but the PATH has no 'claude'. Install @anthropic-ai/claude-code.",
    );
  }

  /** True if a program is on the `PATH`. */
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

/** True if a session certainly has no container. */
async function isWithoutDocker(stateDir: string, id: string): Promise<boolean> {
  try {
    const text = await readOwnFile(new SessionFolder(stateDir, id).spec, { most: MOST_SPEC_BYTES });
    return (JSON.parse(text) as { spec?: { docker?: unknown } }).spec?.docker === false;
  } catch {
    return false; // Its folder is gone, or belongs to another user.
  }
}
