import { type SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';

/** A manager that no other process can reach. Early versions of the package have no socket, and refuse the option. */
export function privateManager(options: SessionManagerOptions): UnifiedSessionManager {
  try {
    return new UnifiedSessionManager({ ...options, socket: false });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'INVALID_OPTIONS') throw error;
    return new UnifiedSessionManager(options);
  }
}
