export {
  type AutonomousHandlers,
  createAutonomousHandlers,
  type HandlerResult,
} from './autonomous-handlers.js';
export { type AutonomousAppOptions, createAutonomousApp } from './http/app.js';
export type { Snapshot } from './http/event-feed.js';
export type { FeedEvent } from './http/event-history.js';
export { type AutonomousServer, type ServeOptions, serveAutonomousApp } from './http/serve.js';
export type { LogEntry } from './log-entries.js';
export type { MonitorEvent } from './monitor-event.js';
export type {
  ApprovalView,
  AutonomousSession,
  AutonomousSessionDetails,
  RunView,
  SessionStats,
} from './session-view.js';
