import { constants, lstatSync } from 'node:fs';
import { access, chmod, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { notWritable } from '../util/fs/not-writable.js';
import { ifThere, NotOwn, openOwnFile, requireOwnFile, requireOwnFolder } from '../util/fs/own-file.js';
import { removeTree, requireRemovable } from '../util/fs/remove-tree.js';

/** The end of a folder's name if its session is forgotten. The ids of sessions have no dot. */
const FORGOTTEN = '.forgotten';

/** The folder of a session on disk: `<stateDir>/sessions/<id>`. Only its owner can enter it. */
export class SessionFolder {
  readonly path: string;

  constructor(stateDir: string, sessionId: string) {
    this.path = join(stateDir, 'sessions', sessionId);
  }

  /** The state folder that it is in. */
  get stateDir(): string {
    return dirname(dirname(this.path));
  }

  /** The options that the session was created with, without values of variables. */
  get spec(): string {
    return join(this.path, 'spec.json');
  }

  /** The record as it was at the latest change of status. */
  get record(): string {
    return join(this.path, 'session.json');
  }

  /** The user whom the first run of this release chose, for a session of an earlier release, see `withKeptUser`. */
  get user(): string {
    return join(this.path, 'user.json');
  }

  /** The decisions of the guard of the latest run. */
  get decisions(): string {
    return join(this.path, 'decisions.jsonl');
  }

  /** What git would execute or follow in the workspace, as it was before the current run, see `GitWatch`. */
  get gitSnapshot(): string {
    return join(this.path, 'git.json');
  }

  /** The ignore rules that the user had committed when the session began, see `IgnoreRules`. */
  get ignoreRules(): string {
    return join(this.path, 'ignored.json');
  }

  /** The folder of another session beside this one. */
  beside(sessionId: string): SessionFolder {
    return new SessionFolder(dirname(dirname(this.path)), basename(sessionId));
  }

  /** Messages from the user that the current run has not received yet. */
  get steering(): string {
    return join(this.path, 'steering.json');
  }

  /** This file exists while the run is frozen because its log has to be read first, see `RunPause.hold`. */
  get held(): string {
    return join(this.path, 'held');
  }

  /** Claude's stream-json, of all runs. */
  get log(): string {
    return join(this.path, 'stream.log');
  }

  /** Mounted as `projects` in Claude's configuration folder. Contains the conversation, which a later container continues. */
  get projects(): string {
    return join(this.path, 'projects');
  }

  /** The user's prompt file as it was when the session was created. */
  get promptFile(): string {
    return join(this.path, 'prompt-file.md');
  }

  /** The user's MCP configuration as it was when the session was created. */
  get mcpConfig(): string {
    return join(this.path, 'mcp.json');
  }

  /** Where the guard's hook and this process exchange files, see `MailboxFiles`. */
  get guard(): string {
    return join(this.path, 'guard');
  }

  /** The session's own files for git in its container, see `SessionGit`. */
  get git(): string {
    return join(this.path, 'git');
  }

  /** The standard input of a run. 1 is the first run. */
  input(run: number): string {
    return join(this.path, run === 1 ? 'prompt.md' : `feedback-${run}.md`);
  }

  /**
   * Makes the folder with everything that each run needs.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`; nothing is left behind
   */
  async create(): Promise<void> {
    let isNew = false;
    try {
      const sessions = dirname(this.path);
      await mkdir(sessions, { recursive: true, mode: 0o700 });
      requireOwnFolder(sessions);
      await mkdir(this.path, { mode: 0o700 });
      isNew = true;
      await mkdir(this.projects);
      // The agent's user writes here, and may be any user. Nobody else gets past the session's folder.
      await chmod(this.projects, 0o777);
      await (await open(this.log, 'ax', 0o600)).close();
    } catch (cause) {
      // A folder that was there belongs to a session that this manager has not taken over.
      if (isNew) await this.remove().catch(() => {});
      throw notWritable(this.path, cause);
    }
  }

  /**
   * Writes a file of the session's own. If the file is mounted, the agent's user has to be able to read it.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async write(path: string, text: string): Promise<void> {
    const { O_WRONLY, O_CREAT } = constants;
    const mode = path === this.mcpConfig ? 0o644 : 0o600;
    try {
      const file = await openOwnFile(path, { flags: O_WRONLY | O_CREAT, mode });
      try {
        await file.truncate(); // Not while opening the file: it might be somebody else's.
        await file.writeFile(text);
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw notWritable(path, cause);
    }
  }

  /**
   * Called before a run begins or is taken over, because a container gets parts of the folder. Refuses the folder unless it and
   * everything in it belong to this library. Agents write only into folders of their own, whose content is not checked.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async requireOwn(): Promise<void> {
    let path = dirname(this.path);
    try {
      requireOwnFolder(path);
      path = this.path;
      requireOwnFolder(path);
      for (const name of await readdir(this.path)) {
        path = join(this.path, name);
        // A file that is being written may disappear while others are checked.
        ifThere(this.#checkOf(path), path);
      }
    } catch (cause) {
      throw notWritable(path, cause);
    }
  }

  #checkOf(path: string): (path: string) => void {
    if (path === this.git) return requireOwnFolder;
    return path === this.guard || path === this.projects ? requireFolder : requireOwnFile;
  }

  /**
   * Opens the log so that a process can append to it. Only a regular file is accepted: a link in its place could lead anywhere,
   * and a pipe would block the session.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async openLog(): Promise<FileHandle> {
    const { O_WRONLY, O_APPEND, O_CREAT } = constants;
    try {
      return await openOwnFile(this.log, { flags: O_WRONLY | O_APPEND | O_CREAT, mode: 0o600 });
    } catch (cause) {
      throw notWritable(this.log, cause);
    }
  }

  /** Checks that this process can remove the folder and everything in it. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  async requireRemovable(): Promise<void> {
    const sessions = dirname(this.path);
    try {
      ifThere(requireOwnFolder, sessions);
      await access(sessions, constants.W_OK | constants.X_OK).catch(ignoreMissing);
      await requireRemovable(this.path);
    } catch (cause) {
      throw notWritable(this.path, cause);
    }
  }

  /** The name of the folder after {@link forget}. No session has such a name. */
  get forgotten(): string {
    return `${this.path}${FORGOTTEN}`;
  }

  /**
   * Gives the folder the name `forgotten`, in one step. From now on no process takes it for a session, and the sweep of every
   * process removes it. Nothing happens if there is no folder.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`; then nothing has changed
   */
  async forget(): Promise<void> {
    try {
      await removeTree(this.forgotten);
      await rename(this.path, this.forgotten).catch(ignoreMissing);
    } catch (cause) {
      throw notWritable(this.path, cause);
    }
  }

  async remove(): Promise<void> {
    ifThere(requireOwnFolder, dirname(this.path));
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Removes the folders of forgotten sessions. Never rejects. What cannot be removed stays for the next call. */
export async function removeForgotten(stateDir: string): Promise<void> {
  const sessions = join(stateDir, 'sessions');
  try {
    requireOwnFolder(sessions);
    const names = (await readdir(sessions)).filter((name) => name.endsWith(FORGOTTEN));
    for (const name of names) await removeTree(join(sessions, name)).catch(() => {});
  } catch {
    // There is no folder, or somebody else can write to it.
  }
}

/** Agents write into this folder, so only its kind is checked. */
function requireFolder(path: string): void {
  if (!lstatSync(path).isDirectory()) throw new NotOwn('it is a link, or no folder');
}
