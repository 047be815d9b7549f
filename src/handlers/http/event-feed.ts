import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
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

/** Whoever reads slowly holds that much of the host's memory at a time. */
const BATCH_CHARACTERS = 256 * 1024;
const MOST_READERS = 64;

/** What the events are taken from. */
export interface FeedSource {
  readonly manager: UnifiedSessionManager;
  readonly history: EventHistory;
  readonly workspaces: readonly string[];
}

/**
 * The events of all sessions as server-sent events: a `snapshot`, then each `event`, before some events the `session` as it
 * stands, and a `ping` while nothing happens. `Last-Event-ID` (or `?lastEventId=`, where a page cannot set headers) takes up
 * where a reader was; where that is too long ago it gets a snapshot again.
 *
 * The history is the buffer: a reader that is slow is written to when it can take more, and holds up nobody.
 */
export class EventFeed {
  readonly #source: FeedSource;
  #readers = 0;

  constructor(source: FeedSource) {
    this.#source = source;
  }

  /** Answers a reader; with 503 where there are 64 already. */
  answer(context: Context): Response {
    // Nobody would read the stream, and nobody end it.
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' });
    if (this.#readers >= MOST_READERS) {
      return context.json({ success: false, error: `${MOST_READERS} readers are connected already; close one.` }, 503);
    }
    this.#readers++;
    // Proxies may neither keep nor compress it.
    context.header('X-Accel-Buffering', 'no');
    const lastEventId = context.req.header('Last-Event-ID') ?? context.req.query('lastEventId');
    const gone = new AbortController();
    // What the client's end looks like to a server that does not cancel the body.
    context.req.raw.signal.addEventListener('abort', () => gone.abort());
    return streamSSE(context, async (stream) => {
      stream.onAbort(() => gone.abort());
      try {
        await this.#write(stream, lastEventId, gone.signal);
      } finally {
        this.#readers--;
      }
    });
  }

  async #write(stream: SSEStreamingApi, lastEventId: string | undefined, gone: AbortSignal): Promise<void> {
    const { manager, history } = this.#source;
    await stream.write(`retry: ${RETRY_MS}\n\n`);
    let read = resumeAt(history, lastEventId);
    while (!gone.aborted) {
      const entries = read === undefined ? undefined : history.after(read, BATCH_CHARACTERS);
      if (!entries) {
        read = history.lastId;
        await stream.write(frame('snapshot', JSON.stringify(this.#snapshot()), idOf(history, read)));
        continue;
      }
      const last = entries.at(-1);
      if (last) {
        read = last.id;
        // Sessions first: a reader that is cut off between two events must not take them for told.
        const sessions = changedBy(entries, manager).map((session) =>
          frame('session', JSON.stringify(sessionView(session))),
        );
        const events = entries.map(({ id, json }) => frame('event', json, idOf(history, id)));
        await stream.write([...sessions, ...events].join(''));
        await delay(GATHER_MS);
        continue;
      }
      await history.changed(PING_MS, gone);
      if (history.lastId === read) await stream.write(frame('ping', '{}'));
    }
  }

  #snapshot(): Snapshot {
    const { manager, workspaces } = this.#source;
    return { sessions: manager.list().map(sessionView), queue: manager.queueStatus(), workspaces };
  }
}

/** The sessions that events are about, as they stand. */
function changedBy(entries: readonly HistoryEntry[], manager: UnifiedSessionManager): UnifiedSession[] {
  const ids = new Set(entries.map(({ sessionId }) => sessionId));
  // Who gets a slot has no event of its own; who gets a better place stands in the queue's.
  if (entries.some(({ queue }) => queue)) for (const { id } of manager.list({ status: 'starting' })) ids.add(id);
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
  return epoch === history.epoch && history.after(Number(id), 1) ? Number(id) : undefined;
}
