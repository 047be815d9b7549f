import { setTimeout as delay } from 'node:timers/promises';
import type { SessionManagerOptions } from './orchestration/options/manager-options.js';
import { resolveManagerOptions } from './orchestration/options/resolve.js';
import type { Sessions } from './orchestration/session/sessions.js';
import { UnifiedSessionManager } from './orchestration/session-manager.js';
import { SessionsClient } from './orchestration/socket/sessions-client.js';
import { OrchestrationError } from './orchestration/util/errors.js';

/** How long an owner that does not listen yet, or no longer, is waited for. */
const CHANGE_MS = 5_000;
const RETRY_MS = 50;

/**
 * Opens the sessions of a state folder, whoever runs them. If no process owns the folder, this process becomes its owner: the
 * result is a `UnifiedSessionManager` that has taken over what is there (`recover()`). Otherwise the result is a client of the
 * owner, with the same methods, events and records; then only `stateDir` counts of the options, because the owner has its own.
 *
 * A client keeps its process alive until `close()`, which ends only the connection.
 *
 * @param listen called with the sessions before their records are read, so that listeners that it adds miss no event: neither
 * those of the takeover, nor `session:recovered` for each session that is there. Called again, with other sessions, if the owner
 * begins or ends at that moment
 * @throws OrchestrationError `INVALID_OPTIONS`; `STATE_LOCKED` if the owner has the option `socket: false`;
 * `OWNER_UNREACHABLE` if the owner does not answer; `OWNER_INCOMPATIBLE` if it has another version of this library; otherwise as
 * `recover()`
 * @example
 * ```ts
 * await using sessions = await openSessions();
 * const { id } = await sessions.create({ prompt: 'Fix the failing test', cwd: '/home/me/project' });
 * console.log((await sessions.waitFor(id)).result?.text);
 * ```
 */
export async function openSessions(
  options: SessionManagerOptions = {},
  listen: (sessions: Sessions) => void = () => {},
): Promise<Sessions> {
  const { stateDir } = resolveManagerOptions(options);
  const deadline = performance.now() + CHANGE_MS;
  let manager: UnifiedSessionManager | undefined;
  while (true) {
    try {
      const client = await SessionsClient.connect(stateDir, listen);
      if (client) {
        await manager?.close();
        return client;
      }
      if (!manager) {
        manager = new UnifiedSessionManager(options);
        listen(manager);
      }
      await manager.recover();
      return manager;
    } catch (error) {
      if (!mayChange(error) || performance.now() > deadline) {
        await manager?.close();
        throw error;
      }
      await delay(RETRY_MS);
    }
  }
}

/** True if the owner may be about to begin, or to end. */
function mayChange(error: unknown): boolean {
  return error instanceof OrchestrationError && ['STATE_LOCKED', 'OWNER_UNREACHABLE'].includes(error.code);
}
