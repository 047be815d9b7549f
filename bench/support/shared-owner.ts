import { UnifiedSessionManager } from 'autonomous-orchestration';
import { LogExecutor } from './log-executor.js';

/** What the owner has begun. */
export interface Owned {
  /** The logs of its running sessions. */
  readonly files: readonly string[];
  /** A session that has ended. */
  readonly ended: string;
}

/** Owns a state folder, with this many running sessions, until it is killed. */
const [folder = '', sessions = ''] = process.argv.slice(2);
const files: string[] = [];
const executor = new LogExecutor(async (logFile) => {
  files.push(logFile);
  return { ended: new Promise(() => {}) };
});
const manager = new UnifiedSessionManager({
  stateDir: folder,
  maxConcurrent: Number(sessions) + 1,
  executors: { autonomous: executor },
});
const options = { prompt: 'Write the log.', cwd: folder, docker: false } as const;
const { id: ended } = await manager.create(options);
await manager.cancel(ended);
const ids = await Promise.all(Array.from({ length: Number(sessions) }, () => manager.create(options)));
await Promise.all(ids.map(({ id }) => manager.waitFor(id, { status: 'running' })));
process.send?.({ files: files.slice(-Number(sessions)), ended } satisfies Owned);
process.stdin.resume();
