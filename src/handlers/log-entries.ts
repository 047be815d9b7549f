import type { UnifiedSession } from '../core/index.js';
import { isRecord } from '../core/orchestration/session/outline.js';
import type { RecordsSource } from '../core/orchestration/session/records-source.js';
import { truncate } from '../core/orchestration/util/text.js';
import { Turns } from '../core/orchestration/util/turns.js';
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

/** The latest messages, tool calls and errors of all sessions, newest first. Made in slices. */
export async function logEntries(records: RecordsSource, limit: number): Promise<LogEntry[]> {
  const turns = new Turns();
  // Sessions with the latest activity come first. Once `limit` entries are newer than a session's last activity, neither this
  // session nor any that follows has an entry among the newest `limit`. Of a session on the disk, its end is the latest activity.
  const byActivity = records
    .outlines()
    .map((session) => ({ session, at: isRecord(session) ? session.metadata.lastActivity : session.endedAt }))
    .filter((item): item is typeof item & { at: number } => item.at !== undefined)
    .sort((a, b) => b.at - a.at);
  let kept: Entry[] = [];
  for (const { session, at } of byActivity) {
    const oldest = kept[limit - 1];
    if (oldest && oldest.at > at) break;
    const record = isRecord(session) ? session : records.get(session.id);
    if (record) kept = [...kept, ...entriesOf(record)].sort((a, b) => b.at - a.at).slice(0, limit);
    if (turns.isOver) await turns.next();
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
