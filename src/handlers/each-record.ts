import type { Sessions, UnifiedSession } from '../core/index.js';
import { recordsOf } from '../core/orchestration/session/records-source.js';
import { Turns } from '../core/orchestration/util/turns.js';

/** Calls a function with each record as it is now, oldest first, in slices. */
export async function eachRecord<T>(manager: Sessions, view: (session: UnifiedSession) => T): Promise<T[]> {
  const turns = new Turns();
  const views: T[] = [];
  for (const session of recordsOf(manager).snapshot()) {
    views.push(view(session));
    if (turns.isOver) await turns.next();
  }
  return views;
}
