import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { openSessions, type Sessions, UnifiedSessionManager } from 'autonomous-orchestration';
import { answer } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import { LogExecutor } from './support/log-executor.js';
import type { WriteOrder } from './support/log-writer.js';
import { inScratch } from './support/scratch.js';
import type { Owned } from './support/shared-owner.js';
import { median, percentile } from './support/stats.js';

/** Together they write about a thousand lines a second. */
const SESSIONS = 63;
const LINES_PER_SECOND = 16;
const SECONDS = 5;
const CALLS = 1_000;

/** How long a call takes that changes nothing. */
async function callTimes(sessions: Sessions, ended: string): Promise<number[]> {
  const times: number[] = [];
  for (let call = 0; call < CALLS; call++) {
    const start = performance.now();
    await sessions.cancel(ended);
    times.push(performance.now() - start);
  }
  return times;
}

/** The same calls in the process of the manager. */
const local = await inScratch(async (folder) => {
  const executor = new LogExecutor(async () => ({ ended: Promise.resolve({ exitCode: 0 }) }));
  await using manager = new UnifiedSessionManager({ stateDir: folder, executors: { autonomous: executor } });
  const { id } = await manager.create({ prompt: 'x', cwd: folder, docker: false });
  await manager.cancel(id);
  return callTimes(manager, id);
});

const { calls, ages } = await inScratch(async (folder) => {
  const owner = fork(new URL('./support/shared-owner.js', import.meta.url), [folder, String(SESSIONS)]);
  const [{ files, ended }] = (await once(owner, 'message')) as [Owned];
  const sessions = await openSessions({ stateDir: folder });
  const ages: number[] = [];
  sessions.on('session:message', ({ text }) => {
    const stamp = /^@(\d+)@/.exec(text)?.[1];
    if (stamp !== undefined) ages.push(Number(process.hrtime.bigint() - BigInt(stamp)) / 1e6);
  });
  let events = 0;
  sessions.on('event', () => {
    events++;
  });
  const calls = await callTimes(sessions, ended);
  const writer = fork(new URL('./support/log-writer.js', import.meta.url));
  const write = async (seconds: number): Promise<void> => {
    writer.send({ files, seconds, linesPerSecond: LINES_PER_SECOND } satisfies WriteOrder);
    await once(writer, 'message');
    await delay(100);
  };
  await write(1); // Not counted: sessions stream for hours, so that the code is warm most of the time.
  ages.length = 0;
  events = 0;
  await write(SECONDS);
  console.error(`bench: ${Math.round(events / SECONDS)} events a second`);
  writer.disconnect();
  if (ages.length < events / 10) throw new Error(`Only ${ages.length} of ${events} events are stamped messages.`);
  await sessions.close();
  owner.kill('SIGKILL');
  return { calls, ages };
});

answer([
  {
    what: 'socket: a call of a client, over the call in the process of the manager, median',
    measured: `${withUnit(median(calls), 'ms')} (p99 ${withUnit(percentile(calls, 0.99), 'ms')})`,
    reference: `in the process ${withUnit(median(local), 'ms')}`,
    value: median(calls) - median(local),
    unit: 'ms',
    target: { most: 1 },
  },
  {
    what: 'socket: line appended → typed event of a client, 1,000 lines a second, p99',
    measured: `${ages.length} messages, median ${withUnit(median(ages), 'ms')}`,
    reference: '',
    value: percentile(ages, 0.99),
    unit: 'ms',
    target: { most: 10 },
  },
] satisfies Figure[]);
