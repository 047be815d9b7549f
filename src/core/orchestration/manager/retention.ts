import { setImmediate as turn } from 'node:timers/promises';
import type { SessionTree } from '../family/session-tree.js';
import type { KeepEnded } from '../options/manager-options.js';
import type { Outline } from '../session/outline.js';
import { isTerminal } from '../session/status.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { OrchestrationError } from '../util/errors.js';
import type { SessionRemoval } from './removal.js';

const A_DAY_MS = 86_400_000;
/** When a session that could not be removed is tried again. To find out if a worktree has work takes some git processes. */
const RETRY_MS = 3_600_000;

export interface SessionRetentionOptions extends KeepEnded {
  store: SessionStore;
  tree: SessionTree;
  removal: Pick<SessionRemoval, 'remove'>;
  clock: Clock;
}

/**
 * Removes sessions that ended long ago, see `KeepEnded`. One session at a time, because there may be thousands at the first start,
 * and other work of this process has to go on meanwhile.
 */
export class SessionRetention {
  readonly #options: SessionRetentionOptions;
  /** When a session could not be removed, in the time of the clock. */
  readonly #refused = new Map<string, number>();
  #isRunning = false;
  /** True if something may have changed since the latest pass began. */
  #again = false;

  constructor(options: SessionRetentionOptions) {
    this.#options = options;
  }

  /** Called when a session has ended. Whether sessions are too old is not looked at then, because no end changes that. */
  ended(): void {
    if (this.#options.count !== undefined) void this.run();
  }

  /** Removes what has to go. Never rejects. A call during a call returns at once, and the earlier call looks again. */
  async run(): Promise<void> {
    this.#again = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    await turn(); // Several sessions may end in the same turn.
    while (this.#again) {
      this.#again = false;
      // A session may have stayed only because of one that was removed after it.
      while (await this.#pass());
    }
    this.#isRunning = false;
  }

  /** Returns true if a session was removed. */
  async #pass(): Promise<boolean> {
    const { store, removal, clock } = this.#options;
    let removed = false;
    for (const { id, endedAt } of this.#due()) {
      const now = store.registry.outline(id);
      if (!now || now.endedAt !== endedAt || this.#isNeeded(now)) continue;
      try {
        await removal.remove(id, false);
        removed = true;
      } catch (error) {
        const code = error instanceof OrchestrationError ? error.code : undefined;
        if (code === 'MANAGER_CLOSED') return false;
        if (code !== 'ILLEGAL_TRANSITION') this.#refused.set(id, clock.now());
      }
      await turn();
    }
    return removed;
  }

  /** The sessions that have to go, those that ended first first. */
  #due(): { id: string; endedAt: number }[] {
    const { store, clock, count = Number.POSITIVE_INFINITY, days } = this.#options;
    const now = clock.now();
    const tooMany = store.registry.endedCount - count;
    for (const id of this.#refused.keys()) if (!store.registry.outline(id)) this.#refused.delete(id);
    const due: { id: string; endedAt: number }[] = [];
    let place = 0;
    for (const session of store.registry.ended()) {
      const isOld = days !== undefined && now - session.endedAt > days * A_DAY_MS;
      if (!isOld && place >= tooMany) break; // Those that follow ended later.
      place += 1;
      const isLater = now - (this.#refused.get(session.id) ?? -RETRY_MS) < RETRY_MS;
      if (!isLater) due.push(session);
    }
    return due;
  }

  #isNeeded(session: Outline): boolean {
    const { store, tree } = this.#options;
    const { parentId } = session;
    const parent = parentId === undefined ? undefined : store.registry.outline(parentId);
    if (parent && !isTerminal(parent.status)) return true;
    return tree.hasLeader(parentId) || tree.needs(session) !== undefined;
  }
}
