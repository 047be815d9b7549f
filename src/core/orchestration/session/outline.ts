import type { UnifiedSession } from './record.js';

/**
 * What the registry knows of a session whose record is not in memory: enough to find the session by every filter, and in its order.
 * Each record is an outline, too.
 */
export type Outline = Pick<UnifiedSession, 'id' | 'mode' | 'status' | 'createdAt' | 'endedAt' | 'taskId' | 'parentId'>;

/** The outline of a record, and nothing else of it. */
export function outlineOf(session: Outline): Outline {
  const { id, mode, status, createdAt, endedAt, taskId, parentId } = session;
  return {
    id,
    mode,
    status,
    createdAt,
    ...(endedAt !== undefined && { endedAt }),
    ...(taskId !== undefined && { taskId }),
    ...(parentId !== undefined && { parentId }),
  };
}

/** True if this is a whole record. */
export function isRecord(known: Outline): known is UnifiedSession {
  return 'metadata' in known;
}
