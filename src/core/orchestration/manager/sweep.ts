import { lstat } from 'node:fs/promises';
import type { Executor, KeptWorktree, Leftover } from '../contract/executor.js';
import { removeForgotten, SessionFolder } from '../contract/session-folder.js';
import { MailboxFiles } from '../mailbox/mailbox-files.js';
import { isRecord } from '../session/outline.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal, TERMINAL } from '../session/status.js';
import { hasOpenRun } from '../session/transitions.js';
import type { SessionRegistry } from '../store/registry.js';
import { systemCode } from '../util/errors.js';

/** What the sweep found that belongs to no session. */
export interface SweepReport {
  /** The names of containers that were removed. */
  readonly containers: readonly string[];
  /** Worktrees that were removed. They were made for sessions that are gone. */
  readonly worktrees: readonly string[];
  /** Worktrees of sessions that are gone. They stay for the reason in `why`, usually because there is work in them. */
  readonly keptWorktrees: readonly KeptWorktree[];
  /** The ids of sessions whose `create()` had not resolved. Their folders were removed. */
  readonly folders: readonly string[];
}

export interface SweepOptions {
  stateDir: string;
  executors: Partial<Record<SessionMode, Executor>>;
  registry: SessionRegistry;
}

/** Removes what belongs to this state folder and to no session. Never removes anything without the label of the state folder. */
export class SessionSweep {
  readonly #options: SweepOptions;
  /** Sessions whose guard folders are removed, with the number of runs that they had by then. */
  readonly #tidied = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Calls a listener after each sweep. The listener must not throw. */
  onSwept(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Never rejects. What fails is tried again the next time. */
  async run(): Promise<SweepReport> {
    const { executors, registry, stateDir } = this.#options;
    const containers: string[] = [];
    for (const executor of new Set(Object.values(executors))) {
      // If the engine does not answer, its containers are swept another time.
      const leftovers = await executor.leftovers().catch(() => []);
      for (const leftover of leftovers) {
        if (await this.#belongs(leftover)) continue;
        const removed = await executor.removeLeftover(leftover).then(
          () => true,
          () => false,
        );
        if (removed) containers.push(leftover.name);
      }
    }
    await removeForgotten(stateDir);
    // Sessions that have left memory have left without their guard folders.
    for (const id of this.#tidied.keys()) if (!registry.isInMemory(id)) this.#tidied.delete(id);
    for (const { id } of registry.outlines({ status: TERMINAL })) {
      if (!registry.isInMemory(id)) continue;
      const { status, runs } = registry.require(id);
      if (!isTerminal(status)) continue; // The session was continued after the list was made.
      if (this.#tidied.get(id) === runs.length) continue;
      await new MailboxFiles(new SessionFolder(stateDir, id).guard).remove().then(
        () => this.#tidied.set(id, runs.length),
        () => {}, // The next sweep tries again.
      );
    }
    const worktrees: string[] = [];
    const keptWorktrees: KeptWorktree[] = [];
    // Several executors share the same worktrees.
    for (const shared of new Set(Object.values(executors).map((executor) => executor.worktrees))) {
      const swept = await shared?.sweep((id) => exists(new SessionFolder(stateDir, id).path)).catch(() => undefined);
      worktrees.push(...(swept?.removed ?? []));
      const isNew = ({ path }: KeptWorktree): boolean => keptWorktrees.every((kept) => kept.path !== path);
      keptWorktrees.push(...(swept?.kept ?? []).filter(isNew));
    }
    for (const listener of this.#listeners) listener();
    return { containers, folders: [], worktrees, keptWorktrees };
  }

  async #belongs({ sessionId, run }: Leftover): Promise<boolean> {
    if (sessionId === undefined) return false;
    const session = this.#options.registry.outline(sessionId);
    // A session with a folder but no record here has not been recovered yet: its container must stay.
    if (!session) return exists(new SessionFolder(this.#options.stateDir, sessionId).path);
    return isRecord(session) && hasOpenRun(session) && session.runs.at(-1)?.number === run;
  }
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    // A path that cannot be examined may still exist.
    (error: unknown) => systemCode(error) !== 'ENOENT',
  );
}
