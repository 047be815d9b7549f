import { type LeftSession, leftIds, leftSessions } from '../../src/core/orchestration/store/disk/left-sessions.js';

/** Everything that is left in a state folder. */
export async function allLeft(stateDir: string): Promise<LeftSession[]> {
  const left: LeftSession[] = [];
  for await (const session of leftSessions(stateDir, await leftIds(stateDir))) left.push(session);
  return left;
}
