import { createContext, useContext, useEffect, useReducer, useState, useSyncExternalStore } from 'react';
import type { AutonomousSessionDetails, FeedEvent } from '../handlers/index.js';
import { access, fetchDetails, fetchEvents, mayAct, TokenRefused } from './api.js';
import { type PageState, PageStore } from './page-store.js';
import { SessionFeed } from './session-feed.js';

/** Runs the work in the next frame, but after 250 ms at the latest: a hidden page gets no frames, and has to update its title. */
export function inNextFrame(work: () => void): void {
  let done = false;
  const once = (): void => {
    if (!done) work();
    done = true;
  };
  requestAnimationFrame(once);
  window.setTimeout(once, 250);
}

export const PageContext = createContext(new PageStore(inNextFrame));

export function usePage(): PageState {
  const store = useContext(PageContext);
  return useSyncExternalStore(store.subscribe, store.state);
}

/** Whether the page has the token. */
export function useMayAct(): boolean {
  return useSyncExternalStore(access.onChange, mayAct);
}

/** The current time, updated at an interval. For texts that show how long something takes. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** Repeats the work, with growing delays, until it succeeds, the server refuses the token, or the signal is aborted. */
async function untilDone(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let afterMs = FIRST_RETRY_MS; !signal.aborted; afterMs = Math.min(2 * afterMs, LAST_RETRY_MS)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof TokenRefused) return;
      await new Promise((resolve) => window.setTimeout(resolve, afterMs));
    }
  }
}

/** A session's details, fetched again whenever `version` changes. With `version` undefined nothing is fetched. */
export function useDetails(id: string, version: string | undefined): AutonomousSessionDetails | undefined {
  const [details, setDetails] = useState<AutonomousSessionDetails>();
  useEffect(() => {
    if (version === undefined) return;
    const left = new AbortController();
    void untilDone(async () => {
      const fetched = await fetchDetails(id);
      if (!left.signal.aborted) setDetails(fetched);
    }, left.signal);
    return () => left.abort();
  }, [id, version]);
  return details;
}

/**
 * Fetches a session's feed and keeps it up to date. If events may have been missed, the whole feed is fetched again.
 *
 * @returns the feed, and a number that changes whenever the feed changes
 */
export function useSessionFeed(id: string): { feed: SessionFeed | undefined; version: number } {
  const store = useContext(PageContext);
  const [feed, setFeed] = useState<SessionFeed>();
  const [version, changed] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let current: SessionFeed | undefined;
    let loading = new AbortController();
    let drawing = false;
    /** Events that arrive while the feed is still being fetched. */
    let early: FeedEvent[] = [];
    const load = (): void => {
      loading.abort();
      loading = new AbortController();
      const { signal } = loading;
      current = undefined;
      void untilDone(async () => {
        early = [];
        // Not in parallel: if the record were newer than the events, it could contain something that then also comes as an event.
        const details = await fetchDetails(id);
        const events = await fetchEvents(id);
        if (signal.aborted) return;
        current = new SessionFeed(details, events);
        for (const event of early) current.add(event);
        early = [];
        setFeed(current);
      }, signal);
    };
    const endEvents = store.onEvent((event) => {
      if (event.sessionId !== id) return;
      if (!current) {
        early.push(event);
        return;
      }
      current.add(event);
      if (drawing) return;
      drawing = true;
      inNextFrame(() => {
        drawing = false;
        changed();
      });
    });
    const endResets = store.onReset(load);
    load();
    return () => {
      loading.abort();
      endEvents();
      endResets();
    };
  }, [id, store]);
  return { feed, version };
}
