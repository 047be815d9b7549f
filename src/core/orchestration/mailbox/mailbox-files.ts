import { access, chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ResolvedPolicy } from '../session/policy.js';
import { ifThere, requireOwnFolder } from '../util/fs/own-file.js';
import { removeTree } from '../util/fs/remove-tree.js';
import type { Mount } from '../workspace/mount.js';
import type { GuardedRun } from './guard-settings.js';
import { guardSettings } from './guard-settings.js';
import { hookScript } from './hook-script.js';

/** The folder of the hook and its settings in a container. The image may have files of its own there. */
const MANAGED = '/etc/claude-code';
/** The settings in a container. Claude Code also gets this path as `--settings`, see `executors/settings-flag.ts`. */
export const CONTAINER_SETTINGS = `${MANAGED}/managed-settings.json`;
/** The folder in a container through which hook and process exchange files. */
export const MEETING = '/run/autonomous-orchestration';

/** The files of one session's guard on the machine. */
export class MailboxFiles {
  readonly path: string;
  /** The container writes here. */
  readonly requests: string;
  /** The container can only read here. */
  readonly answers: string;
  /** Programs for the agent. */
  readonly programs: string;
  /** The container writes here what the setup does. Exists only if there is one. */
  readonly setup: string;
  readonly #script: string;
  /** The settings file that tells Claude Code about the hook. */
  readonly settings: string;

  /** @param tellsTurns true if the process is told when each turn begins and ends */
  constructor(
    folder: string,
    readonly tellsTurns = false,
  ) {
    this.path = folder;
    this.requests = join(folder, 'requests');
    this.answers = join(folder, 'answers');
    this.programs = join(folder, 'bin');
    this.setup = join(folder, 'setup');
    this.#script = join(folder, 'hook.sh');
    this.settings = join(folder, 'settings.json');
  }

  /** Writes new files, with nothing left of an earlier run. They lie in the session's folder, which nobody else can enter. */
  async create(policy: ResolvedPolicy): Promise<void> {
    await this.remove();
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await mkdir(this.answers);
    await mkdir(this.requests);
    // The image's user may be any user, and the umask must not matter.
    await chmod(this.answers, 0o755);
    await chmod(this.requests, 0o777);
    await writeFile(this.#script, hookScript(policy));
    await chmod(this.#script, 0o755);
  }

  /** Writes a program for the agent, and returns its path. */
  async writeProgram(name: string, script: string): Promise<string> {
    const path = join(this.programs, name);
    await mkdir(this.programs, { recursive: true });
    await writeFile(path, script);
    await chmod(path, 0o755);
    return path;
  }

  /** True if a request was answered. */
  wasAnswered(id: string): Promise<boolean> {
    return access(join(this.answers, id)).then(
      () => true,
      () => false,
    );
  }

  async remove(): Promise<void> {
    // If a link were in the place of the session's folder, other files would be removed.
    ifThere(requireOwnFolder, dirname(this.path));
    await removeTree(this.path);
  }

  /**
   * The files for a container. The settings are managed ones, which no setting of the workspace or the agent overrides. If the
   * server of an organization gives managed settings of its own, Claude Code reads those instead of this file.
   */
  async mounts(run: GuardedRun): Promise<Mount[]> {
    const script = `${MANAGED}/autonomous-orchestration.sh`;
    await this.#writeSettings({ allowManagedHooksOnly: true, ...guardSettings(run, script, MEETING, this.tellsTurns) });
    return [
      { source: this.settings, target: CONTAINER_SETTINGS, readonly: true },
      { source: this.#script, target: script, readonly: true },
      { source: this.requests, target: `${MEETING}/requests`, readonly: false },
      { source: this.answers, target: `${MEETING}/answers`, readonly: true },
    ];
  }

  /** A settings file for a run directly on the machine, where nothing protects the guard's files from the agent. */
  async hostSettings(run: GuardedRun): Promise<string> {
    await this.#writeSettings(guardSettings(run, this.#script, this.path, this.tellsTurns));
    return this.settings;
  }

  async #writeSettings(settings: object): Promise<void> {
    await writeFile(this.settings, JSON.stringify(settings, undefined, 2));
    await chmod(this.settings, 0o644);
  }
}
