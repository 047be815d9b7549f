import { setTimeout as delay } from 'node:timers/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { RunStop } from '../session/run.js';

/**
 * How long a report may take to get here after Claude has begun, in milliseconds. The hook writes it before Claude Code writes
 * its first line, but in a virtual machine (Docker Desktop) files get to the log's reader later than the log.
 */
const LATE_MS = 2_000;
const LOOK_MS = 100;

/** Why a run is ended whose hooks Claude Code does not run. */
export const GUARD_MISSING: RunStop = {
  status: 'failed',
  reason: 'guard_missing',
  error:
    'Claude Code did not run the hooks of this session, so nobody could decide about its tool calls. Usually managed settings of ' +
    'an organization (from its server, or in /etc/claude-code/managed-settings.d of the image) switch them off: by allowManagedHooksOnly, ' +
    'disableAllHooks or strictPluginOnlyCustomization. Have an administrator remove that setting for this account, or set ' +
    'managedSourcesBehavior to "merge" beside it (newer releases of Claude Code), or use another account. If no organization ' +
    "manages the account, check that 'claude' passes its arguments on and can run /usr/bin/env and /bin/sh.",
};

/**
 * Finds out if Claude Code runs the hooks of a run. They report when Claude begins. An agent has done nothing then, so a missing
 * report is a fault of the settings and not of the agent.
 */
export class HooksCheck {
  readonly #onMissing: () => void;
  readonly #over = new AbortController();
  #missing = false;

  /** @param onMissing called once, when no hook has reported in time */
  constructor(onMissing: () => void) {
    this.#onMissing = onMissing;
  }

  /** True while Claude has begun and no hook has reported. */
  get missing(): boolean {
    return this.#missing;
  }

  /** Called when Claude has begun, by what this process has seen itself. Waits for the report of a hook. */
  async begin(handle: Pick<RunHandle, 'hasHookReport'>): Promise<void> {
    if (!handle.hasHookReport || this.#over.signal.aborted) return;
    this.#missing = true;
    const { signal } = this.#over;
    for (let waited = 0; ; waited += LOOK_MS) {
      if (await handle.hasHookReport()) {
        this.#missing = false;
        return;
      }
      if (waited >= LATE_MS || signal.aborted) break;
      await delay(LOOK_MS, undefined, { ref: false, signal }).catch(() => {}); // Aborted: looked at once more below.
    }
    if (!signal.aborted) this.#onMissing();
  }

  /** The run is over, or this process is detached from it. */
  end(): void {
    this.#over.abort();
  }
}
