export {
  type AutonomousHandlers,
  createAutonomousHandlers,
  type HandlerResult,
} from './autonomous-handlers.js';
export { type AutonomousApp, createAutonomousApp } from './http/app.js';
export type { Snapshot } from './http/event-feed.js';
export type { FeedEvent } from './http/event-history.js';
export type { AutonomousAppOptions, ServeOptions } from './http/options.js';
export { type AutonomousServer, serveAutonomousApp } from './http/serve.js';
export { STATUS_OF } from './http/status-of.js';
export type { LogEntry } from './log-entries.js';
export type { MonitorEvent, MonitoredEvent } from './monitor-event.js';
export type { RunView } from './run-view.js';
export type {
  ApprovalView,
  AutonomousSession,
  AutonomousSessionDetails,
  SessionStats,
} from './session-view.js';
