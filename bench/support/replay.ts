import { createReadStream, writeFileSync } from 'node:fs';
import { cp, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { UnifiedSessionManager } from 'autonomous-orchestration';
import { streamParser } from 'channelcoder';
import { answer, collectGarbage } from './child.js';
import { LogExecutor } from './log-executor.js';
import { watchLoop } from './loop-watch.js';
import { privateManager } from './private-manager.js';
import { inScratch } from './scratch.js';
import { ThreadCpu } from './thread-cpu.js';

/** Reads a whole log and returns the number of its events. */
type Replay = (file: string, state: string) => Promise<number>;

/** Reads the log as the one of a session that has already ended when it is read. */
async function replayed(
  { stateDir, file, hooked, end = 'completed' }: { stateDir: string; file: string; hooked: boolean; end?: string },
  begin: (manager: UnifiedSessionManager) => Promise<string | undefined>,
): Promise<number> {
  const autonomous = new LogExecutor(async (logFile) => {
    await rm(logFile, { force: true });
    await link(file, logFile);
    return { ended: Promise.resolve({ exitCode: 0 }), hooked };
  });
  await using manager = privateManager({ stateDir, executors: { autonomous } });
  let events = 0;
  manager.on('event', () => {
    events++;
  });
  const { status, result } = await manager.waitFor((await begin(manager)) ?? '');
  if (status !== end) throw new Error(`The session ended as ${status}: ${result?.error}`);
  return events;
}

const REPLAYS = {
  /** A session from `create()` to its end. Nobody was asked about its calls. */
  session: (file) =>
    inScratch((folder) =>
      replayed({ stateDir: folder, file, hooked: false }, async (manager) => {
        const { id } = await manager.create({ prompt: 'Read the log.', cwd: folder, docker: false });
        return id;
      }),
    ),
  /** The same with a log that is not Claude's. */
  flood: (file) =>
    inScratch((folder) =>
      replayed({ stateDir: folder, file, hooked: false, end: 'failed' }, async (manager) => {
        const { id } = await manager.create({ prompt: 'Read the log.', cwd: folder, docker: false });
        return id;
      }),
    ),
  /** A guarded session that another process has left, from `recover()` to its end. That process was asked about every call. */
  recovered: (file, state) =>
    inScratch(async (folder) => {
      const stateDir = join(folder, 'state');
      await cp(state, stateDir, { recursive: true });
      return replayed({ stateDir, file, hooked: true }, async (manager) => {
        await manager.recover();
        return manager.list()[0]?.id;
      });
    }),
  parseLogFile: async (file) => (await streamParser.parseLogFile(file)).events.length,
  /** The least possible work: raw chunks are cut at line ends, and each line is parsed and dropped. */
  scan: async (file) => {
    let events = 0;
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
      const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        JSON.parse(bytes.toString('utf8', start, end));
        events++;
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
    return events;
  },
} satisfies Record<string, Replay>;

export type ReplayName = keyof typeof REPLAYS;

export interface ReplayReport {
  readonly seconds: number;
  /** The CPU time of the main thread, in seconds. */
  readonly cpuSeconds: number;
  /** The peak memory of the process, minus its memory before the replay. */
  readonly addedBytes: number;
  readonly longestBlockMs: number;
  readonly events: number;
}

const [name, file = '', state = ''] = process.argv.slice(2);
const replay: Replay = REPLAYS[name as ReplayName];

// The first run of a process loads the rules. That is not a part of reading a log. Early versions have no such part.
await import('autonomous-orchestration/danger').catch(() => {});
collectGarbage();
await delay(100);
writeFileSync('/proc/self/clear_refs', '5'); // Resets the peak memory, so that the start-up does not count.
const before = process.memoryUsage.rss();
const cpu = new ThreadCpu();
let [seconds, cpuSeconds, events] = [0, 0, 0];
const { longestBlockMs } = await watchLoop(async () => {
  const [start, cpuStart] = [performance.now(), cpu.now()];
  events = await replay(file, state);
  seconds = (performance.now() - start) / 1_000;
  cpuSeconds = (cpu.now() - cpuStart) / 1_000;
});
const addedBytes = process.resourceUsage().maxRSS * 1024 - before;
answer({ seconds, cpuSeconds, addedBytes, longestBlockMs, events } satisfies ReplayReport);
