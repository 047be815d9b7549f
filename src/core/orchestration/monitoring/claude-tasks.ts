import type { Observation, TaskState } from '../session/observation.js';
import { singleLine, truncate } from '../util/text.js';
import { isObject, type Json } from './content-blocks.js';
import { clipped } from './event-fields.js';

/** A description stays in the outcome's text, beside others. */
const DESCRIPTION_LENGTH = 200;
/** Claude runs a few tasks at once. If a line lists more than this, it was made to keep this process busy. */
const MOST_TASKS = 1_000;

const ENDS: Readonly<Record<string, TaskState>> = {
  completed: 'completed',
  failed: 'failed',
  stopped: 'stopped',
  killed: 'stopped',
};

/** `task_started`. Watchers and housekeeping (`ambient`) are no work of the agent's. */
export function readTaskStarted(event: Json): Observation[] {
  const { task_id: id, tool_use_id: call, is_backgrounded: background } = event;
  if (typeof id !== 'string' || isAmbient(event)) return [];
  return [
    {
      kind: 'task',
      id: clipped(id),
      state: 'running',
      what: described(event.description),
      ...(typeof call === 'string' && { toolUseId: clipped(call) }),
      ...(typeof background === 'boolean' && { background }),
    },
  ];
}

/** `task_notification`: the end of a task, as the agent hears it. */
export function readTaskNotification({ task_id: id, status }: Json): Observation[] {
  return typeof id === 'string' ? ended(id, status) : [];
}

/** `task_updated`: a task has changed. Only its end and its move to the background matter here. */
export function readTaskUpdated({ task_id: id, patch }: Json): Observation[] {
  if (typeof id !== 'string' || !isObject(patch)) return [];
  if (patch.is_backgrounded === true) return [{ kind: 'task', id: clipped(id), state: 'running', background: true }];
  return ended(id, patch.status);
}

/** `background_tasks_changed`: all tasks in the background. */
export function readTasks({ tasks }: Json): Observation[] {
  if (!Array.isArray(tasks)) return [];
  const running = tasks
    .slice(0, MOST_TASKS)
    .filter(isObject)
    .flatMap((task) =>
      typeof task.task_id === 'string' && !isAmbient(task)
        ? [{ id: clipped(task.task_id), what: described(task.description) }]
        : [],
    );
  return [{ kind: 'tasks', running }];
}

/** `status`: Claude begins or ends to shorten the conversation. */
export function readStatus({ status, compact_result }: Json): Observation[] {
  if (status === 'compacting') return [{ kind: 'compacting', state: 'begun' }];
  if (compact_result === 'failed') return [{ kind: 'compacting', state: 'failed' }];
  return status === null || compact_result === 'success' ? [{ kind: 'compacting', state: 'done' }] : [];
}

/** `compact_boundary`: the conversation is shorter now. */
export function readCompacted(): Observation[] {
  return [{ kind: 'compacting', state: 'done' }];
}

function ended(id: string, status: unknown): Observation[] {
  const state = typeof status === 'string' && Object.hasOwn(ENDS, status) ? ENDS[status] : undefined;
  return state === undefined ? [] : [{ kind: 'task', id: clipped(id), state }];
}

function isAmbient({ ambient, skip_transcript }: Json): boolean {
  return ambient === true || skip_transcript === true;
}

function described(text: unknown): string {
  return typeof text === 'string' ? singleLine(truncate(text, DESCRIPTION_LENGTH)) : '';
}
