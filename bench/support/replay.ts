import { createReadStream, writeFileSync } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { streamParser } from 'channelcoder';
import { UnifiedSessionManager } from '../../src/index.js';
import { answer, collectGarbage } from './child.js';
import { LogExecutor } from './log-executor.js';
import { inScratch } from './scratch.js';

/** Reads a whole log and returns the number of its events. */
type Replay = (file: string) => Promise<number>;

const REPLAYS = {
  /** A session from `create()` to its end. Its log is the file. */
  session: (file) =>
    inScratch(async (folder) => {
      const executor = new LogExecutor(async (logFile) => {
        await rm(logFile);
        await link(file, logFile);
        return { ended: Promise.resolve({ exitCode: 0 }) };
      });
      await using manager = new UnifiedSessionManager({ stateDir: folder, executors: { autonomous: executor } });
      let events = 0;
      manager.on('event', () => {
        events++;
      });
      const { id } = await manager.create({ prompt: 'Read the log.', cwd: folder, docker: false });
      await manager.waitFor(id);
      return events;
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
  /** The peak memory of the process, minus its memory before the replay. */
  readonly addedBytes: number;
  readonly longestBlockMs: number;
  readonly events: number;
}

const [name, file = ''] = process.argv.slice(2);
const replay: Replay = REPLAYS[name as ReplayName];

await import('../../src/danger/index.js'); // The first run of a process loads the rules. That is not a part of reading a log.
collectGarbage();
await delay(100);
writeFileSync('/proc/self/clear_refs', '5'); // Resets the peak memory, so that the start-up does not count.
const before = process.memoryUsage.rss();
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const start = performance.now();
const events = await replay(file);
const seconds = (performance.now() - start) / 1000;
await delay(20); // The last block shows only in the tick after it.
loop.disable();
const addedBytes = process.resourceUsage().maxRSS * 1024 - before;
answer({ seconds, addedBytes, longestBlockMs: loop.max / 1e6, events } satisfies ReplayReport);
