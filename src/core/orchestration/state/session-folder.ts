import { constants } from 'node:fs';
import { chmod, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, OrchestrationError, shown } from '../errors.js';

/** What a session keeps on disk: `<stateDir>/sessions/<id>`. Only its owner can enter it. */
export class SessionFolder {
  readonly path: string;
  /** What the session was created from, without values of variables. */
  readonly spec: string;
  /** The record at the latest change of status. */
  readonly record: string;
  /** What the guard of the run under way has decided. */
  readonly decisions: string;
  /** What git would execute or follow in the workspace before the run under way, see `GitWatch`. */
  readonly gitSnapshot: string;
  /** What the user said to the run under way and it has not heard. */
  readonly steering: string;
  /** Claude's stream-json, of all runs. */
  readonly log: string;
  /** Mounted as `~/.claude/projects`: the conversation, which a later container takes up again. */
  readonly projects: string;
  /** The user's prompt file as it was when the session was created. */
  readonly promptFile: string;
  /** The user's MCP configuration as it was then. */
  readonly mcpConfig: string;
  /** Where the guard's hook and this host meet, see `HookFiles`. */
  readonly guard: string;

  constructor(stateDir: string, sessionId: string) {
    this.path = join(stateDir, 'sessions', sessionId);
    this.spec = join(this.path, 'spec.json');
    this.record = join(this.path, 'session.json');
    this.decisions = join(this.path, 'decisions.jsonl');
    this.gitSnapshot = join(this.path, 'git.json');
    this.steering = join(this.path, 'steering.json');
    this.log = join(this.path, 'stream.log');
    this.projects = join(this.path, 'projects');
    this.promptFile = join(this.path, 'prompt-file.md');
    this.mcpConfig = join(this.path, 'mcp.json');
    this.guard = join(this.path, 'guard');
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
      await mkdir(this.path, { recursive: true, mode: 0o700 });
      await mkdir(this.projects);
      // The image's user writes here, whoever that is; nobody else gets past the session's folder.
      await chmod(this.projects, 0o777);
      await (await open(this.log, 'ax', 0o600)).close();
    } catch (cause) {
      await this.remove().catch(() => {});
      throw new OrchestrationError(
        'STATE_NOT_WRITABLE',
        `Option 'stateDir': ${shown(this.path)} cannot be made (${messageOf(cause)}). Correct its owner, or choose another.`,
        { cause },
      );
    }
  }

  /** Writes a file of the session's own; one that is mounted has to be readable for the image's user. */
  async write(path: string, text: string): Promise<void> {
    await writeFile(path, text, { mode: path === this.mcpConfig ? 0o644 : 0o600 });
  }

  /** Opens the log for a process to append to. A link in its place is refused. */
  async openLog(): Promise<import('node:fs/promises').FileHandle> {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    return open(this.log, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
