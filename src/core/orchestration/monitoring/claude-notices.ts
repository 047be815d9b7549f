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

/** What a `system` event reports, other than the beginning of the conversation. By its `subtype`. */
const NOTICES = new Map<unknown, (event: Json) => Observation[]>([
  ['api_retry', readApiRetry],
  ['task_started', readTaskStarted],
  ['task_notification', readTaskNotification],
  ['task_updated', readTaskUpdated],
  ['background_tasks_changed', readTasks],
  ['status', readStatus],
  ['compact_boundary', readCompacted],
]);

/** What a `system` event reports, other than the beginning of the conversation. Unknown ones report nothing. */
export function readNotice(event: Json): Observation[] {
  return NOTICES.get(event.subtype)?.(event) ?? [];
}
