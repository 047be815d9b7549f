import { readdir } from 'node:fs/promises';
import { serialize } from 'node:v8';
import { expect, it } from 'vitest';
import {
  added,
  containersLeft,
  countEnds,
  endedGone,
  figure,
  heapUsed,
  holdings,
  quick,
  SOCKET,
  size,
  tempFolder,
  testManager,
} from './support.js';

/** More than 143 even in the small size, so that all exit codes with a special meaning are among them. */
const SESSIONS = size(150, 500);
/** How many sessions end between two looks at the heap. */
const STEP = SESSIONS / 5;
const AT_ONCE = 3;

it(`${SESSIONS} containers that exit at once are recorded with the right exit code and leave nothing`, async () => {
  // Code that is loaded at the first use is no leak, and neither are connections that are kept alive until the close.
  const warm = await countingManager();
  await warm.manager.waitFor(
    (await warm.manager.create({ ...quick('init; result'), prompt: 'x', cwd: await tempFolder() })).id,
  );
  await warm.manager.close();
  const before = await holdings();
  const { manager, stateDir } = await countingManager();
  const ends = countEnds(manager);
  const cwd = await tempFolder();
  const ids: string[] = [];
  const heap = new Map<number, number>();
  const listeners = listenersOf(process);

  let next = 0;
  let ended = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < SESSIONS) await run(next++);
    }),
  );

  const sessions = ids.map((id) => manager.get(id));
  const codes = sessions.map((session) => session?.runs[0]?.exitCode);
  expect(codes).toEqual(sessions.map((session) => Number(session?.taskId) % 256));
  for (const session of sessions) {
    const code = Number(session?.taskId) % 256;
    const reason = REASONS.get(code) ?? 'error';
    const status = reason === 'success' ? 'completed' : 'failed';
    expect(session).toMatchObject({ status, result: { exitCode: code, reason } });
    expect(session?.metadata.lastMessage).toBe(`I am ${session?.taskId}.`);
  }
  expect([...ends.values()]).toEqual(Array(SESSIONS).fill(1));
  figure(`${SESSIONS} exit codes`, `${new Set(codes).size} different, all right`);

  await endedGone(manager);
  expect(await containersLeft(manager.list())).toEqual([]);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  const more = added(await holdings(), before);
  // The connections and the launch helper stay until the close.
  expect(more.filter((held) => held !== SOCKET)).toEqual([expect.stringMatching(/^child /)]);
  expect(listenersOf(process)).toEqual(listeners);
  expect(await readdir(stateDir)).toEqual(['images.json', 'lock.1', 'manager.sock', 'sessions']);

  const [early = 0, late = 0] = [heap.get(STEP), heap.get(SESSIONS)];
  const grown = (late - early) / (SESSIONS - STEP);
  const record = serialize(manager.get(ids[0] ?? '')).length;
  figure(
    `heap after ${[...heap.keys()].join(', ')} sessions`,
    [...heap.values()].map((bytes) => `${(bytes / 1e6).toFixed(2)} MB`).join(', '),
  );
  figure('bytes that stay of a session', `${Math.round(grown)}, its record is ${record} serialized`);
  expect(grown).toBeLessThan(MOST_BYTES_A_SESSION);

  await manager.close();
  expect(added(await holdings(), before)).toEqual([]);
  figure(
    `left after ${SESSIONS} sessions`,
    `0 containers, until close ${more.length - 1} connections and the launch helper, else nothing`,
  );

  async function run(index: number): Promise<void> {
    const code = index % 256;
    const script = `init; say 'I am ${index}.'; ${ENDED_FROM_OUTSIDE.includes(code) ? '' : 'result; '}exit ${code}`;
    const { id } = await manager.create({ ...quick(script), prompt: 'x', cwd, taskId: `${index}` });
    ids.push(id);
    await manager.waitFor(id);
    // Not `ids.length`: that may pass a step while this session is awaited.
    const count = ++ended;
    if (count % STEP === 0) heap.set(count, await heapUsed());
  }
});

/** The manager keeps the records of sessions that have ended; a supervisor, a monitor or a log's buffer would be more. */
const MOST_BYTES_A_SESSION = 40_000;
/** Two exit codes of signals, in runs without a result. */
const ENDED_FROM_OUTSIDE = [137, 143];
/** A result stands if the process is ended from outside after it: 129 and 130 are the exit codes of SIGHUP and SIGINT. */
const REASONS = new Map([
  [0, 'success'],
  [129, 'success'],
  [130, 'success'],
  [137, 'killed'],
  [143, 'terminated'],
]);

/** A manager whose events nobody keeps. */
async function countingManager(): ReturnType<typeof testManager> {
  const made = await testManager({ maxConcurrent: AT_ONCE, maxQueued: 10 });
  made.manager.removeAllListeners('event');
  return made;
}

function listenersOf(emitter: NodeJS.EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));
}
