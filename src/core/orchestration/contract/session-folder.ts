import { constants, lstatSync } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { notWritable } from '../util/fs/not-writable.js';
import { ifThere, NotOwn, openOwnFile, requireOwnFile, requireOwnFolder } from '../util/fs/own-file.js';

/** What a session keeps on disk: `<stateDir>/sessions/<id>`. Only its owner can enter it. */
export class SessionFolder {
  readonly path: string;

  constructor(stateDir: string, sessionId: string) {
    this.path = join(stateDir, 'sessions', sessionId);
  }

  /** What the session was created from, without values of variables. */
  get spec(): string {
    return join(this.path, 'spec.json');
  }

  /** The record at the latest change of status. */
  get record(): string {
    return join(this.path, 'session.json');
  }

  /** What the guard of the latest run has decided. */
  get decisions(): string {
    return join(this.path, 'decisions.jsonl');
  }

  /** What git would execute or follow in the workspace before the run under way, see `GitWatch`. */
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

  /** What the user said to the run under way and it has not heard. */
  get steering(): string {
    return join(this.path, 'steering.json');
  }

  /** There while the run is frozen until its log is read, see `RunPause.hold`. */
  get held(): string {
    return join(this.path, 'held');
  }

  /** Claude's stream-json, of all runs. */
  get log(): string {
    return join(this.path, 'stream.log');
  }

  /** Mounted as `~/.claude/projects`: the conversation, which a later container takes up again. */
  get projects(): string {
    return join(this.path, 'projects');
  }

  /** The user's prompt file as it was when the session was created. */
  get promptFile(): string {
    return join(this.path, 'prompt-file.md');
  }

  /** The user's MCP configuration as it was then. */
  get mcpConfig(): string {
    return join(this.path, 'mcp.json');
  }

  /** Where the guard's hook and this host meet, see `MailboxFiles`. */
  get guard(): string {
    return join(this.path, 'guard');
  }

  /** What goes to the standard input of a run, 1 being the first. */
  input(run: number): string {
    return join(this.path, run === 1 ? 'prompt.md' : `feedback-${run}.md`);
  }

  /**
   * Makes the folder and what every run needs in it.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`; nothing is left behind
   */
  async create(): Promise<void> {
    try {
      const sessions = dirname(this.path);
      await mkdir(sessions, { recursive: true, mode: 0o700 });
      requireOwnFolder(sessions);
      await mkdir(this.path, { mode: 0o700 });
      await mkdir(this.projects);
      // The image's user writes here, whoever that is; nobody else gets past the session's folder.
      await chmod(this.projects, 0o777);
      await (await open(this.log, 'ax', 0o600)).close();
    } catch (cause) {
      await this.remove().catch(() => {});
      throw notWritable(this.path, cause);
    }
  }

  /**
   * Writes a file of the session's own; one that is mounted has to be readable for the image's user.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async write(path: string, text: string): Promise<void> {
    const { O_WRONLY, O_CREAT } = constants;
    const mode = path === this.mcpConfig ? 0o644 : 0o600;
    try {
      const file = await openOwnFile(path, { flags: O_WRONLY | O_CREAT, mode });
      try {
        await file.truncate(); // Not while it is opened: it might be another's.
        await file.writeFile(text);
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw notWritable(path, cause);
    }
  }

  /**
   * Before a run begins or is taken over: refuses a folder unless it and all in it are this library's, as a container gets some
   * of it. What agents write is in folders of its own, and not looked at.
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
        // A file that is being written may go while others are looked at.
        ifThere(path === this.guard || path === this.projects ? requireFolder : requireOwnFile, path);
      }
    } catch (cause) {
      throw notWritable(path, cause);
    }
  }

  /**
   * Opens the log for a process to append to. Only a regular file will do: a link in its place could lead anywhere, a pipe
   * would hold the session up.
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

  async remove(): Promise<void> {
    ifThere(requireOwnFolder, dirname(this.path));
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Agents write to what is in it, so that only its kind counts. */
function requireFolder(path: string): void {
  if (!lstatSync(path).isDirectory()) throw new NotOwn('it is a link, or no folder');
}
