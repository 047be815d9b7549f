import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  CreateSessionOptions,
  SessionEvent,
  UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { bash, casting, containersOf, type ModelTurn, tempFolder } from './support.js';

/** The turn of a child that works until its workspace has the file `go`. */
export const UNTIL_GO = bash('until [ -e /workspace/go ]; do sleep 0.05; done');
export const go = (cwd: string): Promise<void> => writeFile(join(cwd, 'go'), '');

/** Options of a leader session; each session plays the part whose name is in its prompt. */
export async function leading(
  parts: Record<string, ModelTurn[]>,
  options: Partial<CreateSessionOptions> = {},
): Promise<CreateSessionOptions & { cwd: string }> {
  return { mode: 'orchestration', prompt: 'Lead', cwd: await tempFolder(), ...casting(parts), ...options } as never;
}

/** The outputs of the tool calls of a session, from now on. */
export function outputsOf(manager: UnifiedSessionManager): (session: Pick<UnifiedSession, 'id'>) => string[] {
  const outputs = new Map<string, string[]>();
  manager.on('session:tool-result', ({ sessionId, output }) => {
    outputs.set(sessionId, [...(outputs.get(sessionId) ?? []), output]);
  });
  return ({ id }) => outputs.get(id) ?? [];
}

/** The largest number of sessions that worked at the same time, according to their events. */
export function mostAtWork(events: readonly SessionEvent[]): number {
  const statuses = new Map<string, UnifiedSession['status']>();
  let most = 0;
  for (const event of events) {
    if (!('session' in event)) continue;
    statuses.set(event.sessionId, event.session.status);
    const working = [...statuses.values()].filter((status) => status === 'running' || status === 'starting').length;
    most = Math.max(most, working);
  }
  return most;
}

export function childrenOf(manager: UnifiedSessionManager, { id }: Pick<UnifiedSession, 'id'>): UnifiedSession[] {
  return manager.list({ parentId: id });
}

/** Resolves as soon as a number of sessions of this manager run a tool call, each its first. */
export async function atWork(manager: UnifiedSessionManager, count: number): Promise<void> {
  const calling = (): number =>
    manager.list({ status: 'running' }).filter(({ metadata }) => metadata.toolsUsed.length > 0).length;
  if (calling() >= count) return;
  for await (const _ of manager.events()) if (calling() >= count) return;
}

/** Names of the containers of any of these sessions. */
export async function containersOfAll(sessions: readonly Pick<UnifiedSession, 'id'>[]): Promise<string[]> {
  return (await Promise.all(sessions.map((session) => containersOf(session)))).flat();
}
