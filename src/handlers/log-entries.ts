import type { UnifiedSession } from '../core/index.js';
import { truncate } from '../core/orchestration/util/text.js';
import { taskIdOf } from './session-view.js';

/** A line of the activity log of all sessions. The agent controls its content, so show it as text only. */
export interface LogEntry {
  /** ISO 8601. */
  timestamp: string;
  taskId: string;
  content: string;
  type: 'output' | 'tool' | 'error';
}

const CONTENT_LENGTH = 200;

type Entry = Omit<LogEntry, 'timestamp'> & { at: number };

/** The latest messages, tool calls and errors of all sessions, newest first. */
export function logEntries(sessions: readonly UnifiedSession[], limit: number): LogEntry[] {
  // Sessions with the latest activity come first. Once `limit` entries are newer than a session's last activity, neither this
  // session nor any that follows has an entry among the newest `limit`.
  const byActivity = sessions
    .filter(({ metadata }) => metadata.lastActivity !== undefined)
    .sort((a, b) => (b.metadata.lastActivity ?? 0) - (a.metadata.lastActivity ?? 0));
  let kept: Entry[] = [];
  for (const session of byActivity) {
    const oldest = kept[limit - 1];
    if (oldest && oldest.at > (session.metadata.lastActivity ?? 0)) break;
    kept = [...kept, ...entriesOf(session)].sort((a, b) => b.at - a.at).slice(0, limit);
  }
  return kept.map(({ at, ...entry }) => ({ timestamp: new Date(at).toISOString(), ...entry }));
}

function entriesOf(session: UnifiedSession): Entry[] {
  const { recentMessages, toolsUsed, errors } = session.metadata;
  const entry = (type: LogEntry['type'], at: number, content: string): Entry => ({
    at,
    taskId: taskIdOf(session),
    content: truncate(content.trim(), CONTENT_LENGTH),
    type,
  });
  // Reversed, so that the newest comes first even among entries with the same time. Entries that were read together often have
  // the same time.
  return [
    ...recentMessages.map(({ at, text, by }) => entry('output', at, by === undefined ? text : `💬 Was told: ${text}`)),
    ...toolsUsed.map(({ startedAt, name }) => entry('tool', startedAt, `🔧 Using tool: ${name}`)),
    ...errors.map(({ at, message }) => entry('error', at, message)),
  ].reverse();
}
