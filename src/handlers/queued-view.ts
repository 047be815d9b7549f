import type { AutonomousSession, AutonomousSessionDetails } from './session-view.js';

const LOG_LINES = 3;

/**
 * Tells readers of the older page that a session is queued. The page has three columns, for four values of `status`, and no value
 * means "queued". `waiting_feedback` would call a person who can do nothing, and hide the sessions that do need one. A fifth value
 * is shown in no column. So `status` stays `running`, and the two texts that the page shows say that the session waits for a slot.
 */
export function withQueueNote<View extends AutonomousSession | AutonomousSessionDetails>(view: View): View {
  if (view.state !== 'queued') return view;
  const note =
    view.queuePosition === undefined
      ? 'Queued: waits for other sessions or for its time, before it waits for a slot.'
      : `Queued: waits for a slot, at place ${view.queuePosition} of the queue.`;
  return {
    ...view,
    stats: { ...view.stats, lastOutput: note },
    ...('lastLogLines' in view && { lastLogLines: [...view.lastLogLines, note].slice(-LOG_LINES) }),
  };
}
