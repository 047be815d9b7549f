import { lstat } from 'node:fs/promises';
import type { Executor, KeptWorktree, Leftover } from '../contract/executor.js';
import { SessionFolder } from '../contract/session-folder.js';
import { MailboxFiles } from '../mailbox/mailbox-files.js';
import { hasOpenRun, isTerminal } from '../session/reducer.js';
import type { SessionMode } from '../session/status.js';
import type { SessionRegistry } from '../store/registry.js';
import { systemCode } from '../util/errors.js';

/** What was found that belongs to no session. */
export interface SweepReport {
  /** Containers that were removed, by name. */
  readonly containers: readonly string[];
  /** Worktrees that were made for sessions which are gone, removed. */
  readonly worktrees: readonly string[];
  /** Worktrees of sessions which are gone that stay, because there is work in them. */
  readonly keptWorktrees: readonly KeptWorktree[];
  /** Folders of sessions whose `create()` had not resolved, removed; by id. */
  readonly folders: readonly string[];
}

export interface SweepOptions {
  stateDir: string;
  executors: Partial<Record<SessionMode, Executor>>;
  registry: SessionRegistry;
}

/** Removes what belongs to this state folder and to no session: never anything without its label. */
export class SessionSweep {
  readonly #options: SweepOptions;
  /** Sessions whose guard folders were looked for. */
  readonly #tidied = new Set<string>();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Never rejects: what fails is tried again the next time. */
  async run(): Promise<SweepReport> {
    const { executors, registry, stateDir } = this.#options;
    const containers: string[] = [];
    for (const executor of new Set(Object.values(executors))) {
      // An engine that does not answer is swept another time.
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
    const ended = registry.list().filter(({ id, status }) => isTerminal(status) && !this.#tidied.has(id));
    for (const { id } of ended) {
      const now = registry.get(id);
      if (!now || !isTerminal(now.status)) continue; // It was continued since the list was made.
      this.#tidied.add(id);
      await new MailboxFiles(new SessionFolder(stateDir, id).guard).remove().catch(() => {}); // Next time.
    }
    const worktrees: string[] = [];
    const keptWorktrees: KeptWorktree[] = [];
    // Executors share them.
    for (const shared of new Set(Object.values(executors).map((executor) => executor.worktrees))) {
      const swept = await shared?.sweep((id) => exists(new SessionFolder(stateDir, id).path)).catch(() => undefined);
      worktrees.push(...(swept?.removed ?? []));
      const isNew = ({ path }: KeptWorktree): boolean => keptWorktrees.every((kept) => kept.path !== path);
      keptWorktrees.push(...(swept?.kept ?? []).filter(isNew));
    }
    return { containers, folders: [], worktrees, keptWorktrees };
  }

  async #belongs({ sessionId, run }: Leftover): Promise<boolean> {
    if (sessionId === undefined) return false;
    const session = this.#options.registry.get(sessionId);
    // A session with a folder but no record here has not been recovered yet: its container must stay.
    if (!session) return exists(new SessionFolder(this.#options.stateDir, sessionId).path);
    return hasOpenRun(session) && session.runs.at(-1)?.number === run;
  }
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    // What cannot be looked at is not gone.
    (error: unknown) => systemCode(error) !== 'ENOENT',
  );
}
