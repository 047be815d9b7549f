import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { QueueStatus, UnifiedSession, UnifiedSessionManager } from '../../core/index.js';
import { type AutonomousSession, sessionView } from '../session-view.js';
import type { EventHistory, HistoryEntry } from './event-history.js';

/** The first thing that a reader gets, and again where events that it missed are gone. */
export interface Snapshot {
  sessions: AutonomousSession[];
  queue: QueueStatus;
  /** Folders in which sessions may be started. */
  workspaces: readonly string[];
}

/** What comes together is told together: a burst becomes a few writes. */
const GATHER_MS = 10;
/** A reader that hears nothing for longer than that has lost the connection. */
const PING_MS = 15_000;
const RETRY_MS = 1_000;

/** What the events are taken from. */
export interface FeedSource {
  readonly manager: UnifiedSessionManager;
  readonly history: EventHistory;
  readonly workspaces: readonly string[];
}

/**
 * The events of all sessions as server-sent events: a `snapshot`, then each `event`, and after some events the
 * `session` as it stands, and a `ping` while nothing happens. `Last-Event-ID` (or `?lastEventId=`, where a page cannot set
 * headers) takes up where a reader was; where that is too long ago it gets a snapshot again.
 *
 * The history is the buffer: a reader that is slow is written to when it can take more, and holds up nobody.
 */
export function eventFeed(context: Context, { manager, history, workspaces }: FeedSource): Response {
  // Proxies may neither keep nor compress it.
  context.header('X-Accel-Buffering', 'no');
  const lastEventId = context.req.header('Last-Event-ID') ?? context.req.query('lastEventId');
  return streamSSE(context, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    // What the client's end looks like to a server that does not cancel the body.
    context.req.raw.signal.addEventListener('abort', () => gone.abort());

    const writeSnapshot = async (): Promise<number> => {
      const { lastId } = history;
      const snapshot: Snapshot = {
        sessions: manager.list().map(sessionView),
        queue: manager.queueStatus(),
        workspaces,
      };
      await stream.write(frame('snapshot', JSON.stringify(snapshot), idOf(history, lastId)));
      return lastId;
    };

    await stream.write(`retry: ${RETRY_MS}\n\n`);
    let read = resumeAt(history, lastEventId) ?? (await writeSnapshot());
    while (!gone.signal.aborted) {
      const entries = history.after(read);
      if (!entries) {
        read = await writeSnapshot();
        continue;
      }
      const last = entries.at(-1);
      if (last) {
        read = last.id;
        const events = entries.map(({ id, json }) => frame('event', json, idOf(history, id)));
        const views = changedBy(entries, manager).map((session) =>
          frame('session', JSON.stringify(sessionView(session))),
        );
        await stream.write([...events, ...views].join(''));
        await delay(GATHER_MS);
        continue;
      }
      await history.changed(PING_MS, gone.signal);
      if (history.lastId === read) await stream.write(frame('ping', '{}'));
    }
  });
}

/** The sessions that events are about, as they stand. */
function changedBy(entries: readonly HistoryEntry[], manager: UnifiedSessionManager): UnifiedSession[] {
  const ids = new Set(entries.map(({ sessionId }) => sessionId));
  // Who gets a slot, or a better place, has no event of its own.
  if (entries.some(({ queue }) => queue)) {
    for (const { id } of manager.list({ status: ['queued', 'starting'] })) ids.add(id);
  }
  return [...ids].flatMap((id) => manager.get(id) ?? []);
}

function frame(event: string, json: string, id?: string): string {
  return `event: ${event}\ndata: ${json}\n${id === undefined ? '' : `id: ${id}\n`}\n`;
}

function idOf(history: EventHistory, id: number): string {
  return `${history.epoch}-${id}`;
}

/** Where a reader was, if that is still known. */
function resumeAt(history: EventHistory, lastEventId: string | undefined): number | undefined {
  const [, epoch, id] = /^(.+)-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
  return epoch === history.epoch && history.after(Number(id)) ? Number(id) : undefined;
}
