import { rm, stat } from 'node:fs/promises';
import type { BaseExecutor, RunTrace } from './executors/base-executor.js';
import { hasOpenRun, isTerminal } from './session-lifecycle.js';
import type { SessionRegistry } from './session-registry.js';
import { SessionFolder } from './state/session-folder.js';
import type { SessionMode } from './types.js';
import type { KeptWorktree } from './workspace/session-worktrees.js';

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

export interface SweepParts {
  stateDir: string;
  executors: Partial<Record<SessionMode, BaseExecutor>>;
  registry: SessionRegistry;
}

/** Removes what belongs to this state folder and to no session: never anything without its label. */
export class SessionSweep {
  readonly #parts: SweepParts;
  /** Sessions that are on disk, but not with this manager. */
  #spared: ReadonlySet<string> = new Set();

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** @param spared sessions that are on disk, but not with this manager; as the last time where it is not given */
  async run(spared = this.#spared): Promise<SweepReport> {
    this.#spared = spared;
    const { executors, registry, stateDir } = this.#parts;
    const containers: string[] = [];
    for (const executor of Object.values(executors)) {
      // An engine that does not answer is swept another time.
      const traces = await executor.traces().catch(() => []);
      for (const trace of traces.filter((each) => !this.#belongs(each, spared))) {
        const removed = await executor.discard(trace).then(
          () => true,
          () => false,
        );
        if (removed) containers.push(trace.name);
      }
    }
    const ended = registry.list().filter(({ status }) => isTerminal(status));
    for (const { id } of ended) {
      await rm(new SessionFolder(stateDir, id).guard, { recursive: true, force: true }).catch(() => {}); // Next time.
    }
    const worktrees: string[] = [];
    const keptWorktrees: KeptWorktree[] = [];
    for (const executor of Object.values(executors)) {
      const swept = await executor.worktrees?.sweep((id) => exists(new SessionFolder(stateDir, id).path));
      worktrees.push(...(swept?.removed ?? []));
      keptWorktrees.push(...(swept?.kept ?? []));
    }
    return { containers, folders: [], worktrees, keptWorktrees };
  }

  #belongs({ sessionId, run }: RunTrace, spared: ReadonlySet<string>): boolean {
    if (sessionId === undefined) return false;
    if (spared.has(sessionId)) return true;
    const session = this.#parts.registry.get(sessionId);
    return session !== undefined && hasOpenRun(session) && session.runs.at(-1)?.number === run;
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
