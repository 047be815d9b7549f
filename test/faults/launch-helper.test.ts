import { readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import {
  containersLeft,
  countEnds,
  endedGone,
  figure,
  nextEvent,
  quick,
  seededRandom,
  size,
  tempFolder,
  testManager,
} from './support.js';

const ROUNDS = size(6, 30);
const SESSIONS = 4;
const SEED = Number(process.env.SEED ?? Date.now() % 100_000);

/** The uid of the image's user. */
const AGENT_UID = 1_000;
/** Each run of a session adds a line to a file of the session. */
const RUN = 'echo run >> runs; init';

/** The process ids of the helpers of this process. */
function helpers(): number[] {
  const children = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return children.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('say({ ready: true })');
    } catch {
      return false;
    }
  });
}

async function workspace(): Promise<string> {
  const folder = join(await tempFolder(), 'workspace');
  await mkdir(folder);
  await chown(folder, AGENT_UID, AGENT_UID);
  return folder;
}

const runsIn = (cwd: string): Promise<string> => readFile(join(cwd, 'runs'), 'utf8').catch(() => '');

it('sessions go on when the launch helper is killed, and the next session is launched without it', async () => {
  const { manager } = await testManager({ maxConcurrent: 4 });
  const cwds = await Promise.all(Array.from({ length: 3 }, workspace));
  const waiting = quick(`${RUN}; until [ -e go ]; do sleep 0.05; done; result done; exit 0`);
  const began = Promise.all(
    cwds.map((cwd) =>
      nextEvent(
        manager,
        ({ type, sessionId }) => type === 'session:started' && manager.get(sessionId)?.environment.cwd === cwd,
      ),
    ),
  );
  const created = await Promise.all(cwds.map((cwd) => manager.create({ prompt: 'Wait.', cwd, ...waiting })));
  await began;
  const killed = helpers();
  expect(killed).toHaveLength(1);
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  const cwd = await workspace();
  const next = await manager.create({ prompt: 'Run.', cwd, ...quick(`${RUN}; result; exit 0`) });
  expect(await manager.waitFor(next.id)).toMatchObject({ status: 'completed' });
  expect(helpers()).toEqual([]);
  await Promise.all(cwds.map((each) => mkdir(join(each, 'go'))));
  const ended = await Promise.all(created.map(({ id }) => manager.waitFor(id)));
  expect(ended.map(({ status, result }) => [status, result?.exitCode])).toEqual(cwds.map(() => ['completed', 0]));
  expect(await Promise.all([cwd, ...cwds].map(runsIn))).toEqual(Array.from({ length: 4 }, () => 'run\n'));
  await endedGone(manager);
  expect(await containersLeft([...created, next])).toEqual([]);
});

it(`a launch helper that is killed at ${ROUNDS} random moments lets no session run twice, or end without a reason`, async () => {
  const random = seededRandom(SEED);
  const seen: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const { manager } = await testManager({ maxConcurrent: SESSIONS });
    const ends = countEnds(manager);
    const cwds = await Promise.all(Array.from({ length: SESSIONS }, workspace));
    const launching = nextEvent(manager, ({ type }) => type === 'session:started');
    const created = await Promise.all(
      cwds.map((cwd) => manager.create({ prompt: 'Run.', cwd, ...quick(`${RUN}; result; exit 0`) })),
    );
    await Promise.race([launching, delay(random() * 200)]);
    for (const pid of helpers()) process.kill(pid, 'SIGKILL');
    const ended = await Promise.all(created.map(({ id }) => manager.waitFor(id)));
    for (const [index, { id, status, result }] of ended.entries()) {
      expect(ends.get(id), `seed ${SEED}`).toBe(1);
      const runs = await runsIn(cwds[index] ?? '');
      const expected = status === 'completed' ? 'run\n' : '';
      expect([status, result?.reason, runs], `seed ${SEED}`).toEqual([
        status,
        status === 'completed' ? 'success' : 'LAUNCH_FAILED',
        expected,
      ]);
      seen[status] = (seen[status] ?? 0) + 1;
    }
    await endedGone(manager);
    expect(await containersLeft(created), `seed ${SEED}`).toEqual([]);
    await manager.close();
  }
  figure('sessions whose launch helper was killed', `${JSON.stringify(seen)} (seed ${SEED})`);
  expect(seen.completed).toBeGreaterThan(0);
});
