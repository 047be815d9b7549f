import type { Observation } from '../session/observation.js';
import { readApiRetry } from './claude-failures.js';
import {
  readCompacted,
  readStatus,
  readTaskNotification,
  readTaskStarted,
  readTasks,
  readTaskUpdated,
} from './claude-tasks.js';
import type { Json } from './content-blocks.js';
import { clipped } from './event-fields.js';

/** What a `system` event reports, other than the beginning of the conversation. By its `subtype`. */
const NOTICES = new Map<unknown, (event: Json) => Observation[]>([
  ['api_retry', readApiRetry],
  ['task_started', readTaskStarted],
  ['task_notification', readTaskNotification],
  ['task_updated', readTaskUpdated],
  ['background_tasks_changed', readTasks],
  ['status', readStatus],
  ['compact_boundary', readCompacted],
  ['session_writes_lost', readLostWrites],
]);

/** What a `system` event reports, other than the beginning of the conversation. Unknown ones report nothing. */
export function readNotice(event: Json): Observation[] {
  return NOTICES.get(event.subtype)?.(event) ?? [];
}

/** Claude Code could not write its transcript or its configuration. What it lost is missing when the session is continued. */
function readLostWrites(event: Json): Observation[] {
  const lost = Array.isArray(event.lost) ? event.lost.filter((name) => typeof name === 'string').slice(0, 5) : [];
  const what = clipped(lost.join(', ')) || 'unknown';
  const message = `Claude Code lost writes because the disk is full or over its quota (${what}). Free space before you continue the session.`;
  return [{ kind: 'error', severity: 'critical', code: 'disk_full', message }];
}
