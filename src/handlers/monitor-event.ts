import type { SessionEvent } from '../core/index.js';

/** What `createAutonomousMonitor` reports. The agent controls the texts, so show them as text only. */
export interface MonitorEvent {
  type: 'autonomous-event' | 'error';
  taskId: string;
  /** Only of type `error`: why there is nothing to watch. */
  message?: string;
  event?: { type: string; tool?: string; content?: string; error?: string };
}

/**
 * An event with the type that Claude's stream-json has for it, or with a type of its own if stream-json has none. Undefined if
 * a monitor does not report this event.
 */
export function monitorEvent(event: SessionEvent): MonitorEvent['event'] {
  switch (event.type) {
    case 'session:message':
      return { type: 'assistant', content: event.text };
    case 'session:prompt':
      return { type: 'user', content: event.text };
    case 'session:tool':
      return { type: 'tool_use', tool: event.tool.name };
    case 'session:tool-result':
      return { type: 'tool_result', content: event.output, ...(event.name !== undefined && { tool: event.name }) };
    case 'session:waiting':
      return { type: 'waiting', content: event.waitingFor };
    case 'session:working':
      return { type: 'working' };
    case 'session:error':
      return { type: 'error', error: event.error.message };
    case 'session:completed':
    case 'session:failed':
    case 'session:cancelled': {
      const { text, error } = event.result;
      return { type: 'result', ...(text !== undefined && { content: text }), ...(error !== undefined && { error }) };
    }
    case 'session:removed':
      return { type: 'removed' };
    default:
      return undefined;
  }
}
