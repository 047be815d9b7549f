import { existsSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { SessionFolder } from '../contract/session-folder.js';
import { MailboxFiles } from '../mailbox/mailbox-files.js';
import { limited } from '../util/limited.js';

/** There may be thousands. */
const AT_ONCE = 8;

/** Removes the guard folders of ended sessions. Whoever begins a run of such a session waits for `underWay` first. */
export class GuardFolders {
  readonly #stateDir: string;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #limit = limited(AT_ONCE);

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  /** Nothing happens if there is no such folder. */
  async remove(id: string): Promise<void> {
    const { guard } = new SessionFolder(this.#stateDir, id);
    if (!existsSync(guard)) return;
    const removal = new MailboxFiles(guard).remove();
    this.#underWay.set(id, removal);
    try {
      await removal;
    } finally {
      this.#underWay.delete(id);
    }
  }

  /**
   * Removes a folder in the background.
   *
   * @param mayGo asked when its turn comes; false if the session is needed
   * @param onGone called when there is no such folder any more
   */
  removeLater(id: string, mayGo: () => boolean, onGone: () => void): void {
    const remove = async (): Promise<void> => {
      await turn(); // The look at thousands of folders would block the event loop.
      if (!mayGo()) return;
      await this.remove(id);
      if (mayGo()) onGone();
    };
    void this.#limit(remove).catch(() => {}); // The next process tries again.
  }

  /** The removals of these sessions' folders that are under way. */
  underWay(ids: readonly string[]): Promise<void>[] {
    if (this.#underWay.size === 0) return [];
    return ids.flatMap((id) => this.#underWay.get(id) ?? []);
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }
}
