import { createContext, useContext, useEffect, useReducer, useState, useSyncExternalStore } from 'react';
import type { AutonomousSessionDetails } from '../handlers/index.js';
import { fetchDetails, fetchEvents, mayAct } from './api.js';
import { type PageState, PageStore } from './page-store.js';
import { SessionFeed } from './session-feed.js';

/** Draws in the next frame; a page that nobody sees has no frames, but keeps its title up to date. */
export function inNextFrame(work: () => void): void {
  if (document.hidden) window.setTimeout(work, 250);
  else requestAnimationFrame(work);
}

export const PageContext = createContext(new PageStore(inNextFrame));

export function usePage(): PageState {
  const store = useContext(PageContext);
  return useSyncExternalStore(store.subscribe, store.state);
}

/** Whether the page has the token. It was taken before the page was drawn. */
export const canAct = mayAct;

/** The time, for what shows how long something takes. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}

export interface OpenSession {
  readonly details: AutonomousSessionDetails | undefined;
  readonly feed: SessionFeed | undefined;
  /** Changes whenever the feed does. */
  readonly version: number;
  readonly error: string | undefined;
}

/** Fetches a session's course and keeps it up to date; again from the start where events may have been missed. */
export function useOpenSession(id: string): OpenSession {
  const store = useContext(PageContext);
  const [loaded, setLoaded] = useState<{ details?: AutonomousSessionDetails; feed?: SessionFeed; error?: string }>({});
  const [version, changed] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let current: SessionFeed | undefined;
    let round = 0;
    let drawing = false;
    /** What comes while the rest is still on its way. */
    let early: Parameters<SessionFeed['add']>[0][] = [];
    const load = async (): Promise<void> => {
      const mine = ++round;
      early = [];
      current = undefined;
      try {
        // One after the other: a record that is newer than the events would tell of what then comes as an event, too.
        const details = await fetchDetails(id);
        const events = await fetchEvents(id);
        if (mine !== round) return;
        current = new SessionFeed(details, events);
        for (const event of early) current.add(event);
        setLoaded({ details, feed: current });
      } catch (error) {
        if (mine === round) setLoaded({ error: error instanceof Error ? error.message : String(error) });
      }
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
    const endResets = store.onReset(() => void load());
    void load();
    return () => {
      round++;
      endEvents();
      endResets();
    };
  }, [id, store]);
  return { details: loaded.details, feed: loaded.feed, version, error: loaded.error };
}
