import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'hono';
import type { QueueStatus, Sessions, UnifiedSession } from '../../core/index.js';
import { eachRecord } from '../each-record.js';
import { type AutonomousSession, sessionView } from '../session-view.js';
import type { EventHistory, HistoryEntry } from './event-history.js';
import { PIECE_CHARACTERS, piecesOf, type Reader, type Readers } from './readers.js';

/** The first message to a reader. A reader gets it again if events that it missed are no longer kept. */
export interface Snapshot {
  sessions: AutonomousSession[];
  queue: QueueStatus;
  /** Folders in which sessions may be started. */
  workspaces: readonly string[];
}

/** The pause after each write. Events that come during the pause are sent together, so a burst becomes a few writes. */
const GATHER_MS = 10;
/** The time between pings while nothing happens. If a reader gets nothing for longer, it has lost the connection. */
const PING_MS = 15_000;
/** Tells readers to connect again one second after they have lost the connection. */
const RETRY = 'retry: 1000\n\n';

/** The sources of the events, and the counter of their readers. */
export interface FeedSource {
  readonly manager: Sessions;
  readonly history: EventHistory;
  readonly workspaces: readonly string[];
  readonly readers: Readers;
}

/**
 * The events of all sessions as server-sent events. First comes a `snapshot`, then each `event`. The current record of each
 * session that events are about comes before these events, as `session`. While nothing happens, a `ping` comes.
 * `Last-Event-ID` (or `?lastEventId=`, if a page cannot set headers) continues after that event. If the event is too long
 * ago, the reader gets a snapshot again.
 *
 * The history is the buffer for all readers. A slow reader gets more when it can take more, and delays nobody else.
 */
export class EventFeed {
  readonly #source: FeedSource;

  constructor(source: FeedSource) {
    this.#source = source;
  }

  /** Answers a reader's request. */
  answer(context: Context): Response {
    const lastEventId = context.req.header('Last-Event-ID') ?? context.req.query('lastEventId');
    return this.#source.readers.stream(context, (reader) => this.#frames(lastEventId, reader), {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache',
      // Tells proxies not to hold the events back.
      'X-Accel-Buffering': 'no',
    });
  }

  async *#frames(lastEventId: string | undefined, reader: Reader): AsyncGenerator<string> {
    const { manager, history, readers } = this.#source;
    let read = resumeAt(history, lastEventId);
    if (read !== undefined) yield RETRY;
    while (!reader.gone.aborted) {
      const entries = read === undefined ? undefined : history.after(read, PIECE_CHARACTERS);
      if (!entries) {
        read = history.lastId;
        const snapshot = RETRY + frame('snapshot', await this.#snapshot(), idOf(history, read));
        if (!readers.hasRoomFor(snapshot.length)) return; // The reader connects again in a second.
        const release = reader.hold(snapshot.length);
        yield* piecesOf(snapshot);
        release();
        continue;
      }
      const last = entries.at(-1);
      if (last) {
        read = last.id;
        // Sessions come before the events. A reader that is cut off continues after the last event that it got, and would never
        // get a session that was to come after that event.
        const sessions = changedBy(entries, manager).map((session) =>
          frame('session', JSON.stringify(sessionView(session))),
        );
        const events = entries.map(({ id, json }) => frame('event', json, idOf(history, id)));
        yield* piecesOf([...sessions, ...events].join(''));
        await delay(GATHER_MS);
        continue;
      }
      await history.changed(PING_MS, reader.gone);
      if (history.lastId === read) yield frame('ping', '{}');
    }
  }

  /** A {@link Snapshot} as JSON. It is of the moment of the call, and made in slices, because there may be thousands of sessions. */
  async #snapshot(): Promise<string> {
    const { manager, workspaces } = this.#source;
    const rest = JSON.stringify({ queue: manager.queueStatus(), workspaces } satisfies Omit<Snapshot, 'sessions'>);
    const sessions = await eachRecord(manager, (session) => JSON.stringify(sessionView(session)));
    return `{"sessions":[${sessions.join(',')}],${rest.slice(1)}`;
  }
}

/** The current records of the sessions that events are about. */
function changedBy(entries: readonly HistoryEntry[], manager: Sessions): UnifiedSession[] {
  const ids = new Set(entries.map(({ sessionId }) => sessionId));
  // A session that gets a slot has no event of its own. A session that moves up in the queue is in the queue's event.
  if (entries.some(({ queue }) => queue)) for (const { id } of manager.list({ status: 'starting' })) ids.add(id);
  return [...ids].flatMap((id) => manager.get(id) ?? []);
}

function frame(event: string, json: string, id?: string): string {
  return `event: ${event}\ndata: ${json}\n${id === undefined ? '' : `id: ${id}\n`}\n`;
}

function idOf(history: EventHistory, id: number): string {
  return `${history.epoch}-${id}`;
}

/** The id of the last event that a reader got. Undefined if the events after it are no longer all kept. */
function resumeAt(history: EventHistory, lastEventId: string | undefined): number | undefined {
  const [, epoch, id] = /^(.+)-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
  return epoch === history.epoch && history.after(Number(id), 1) ? Number(id) : undefined;
}
