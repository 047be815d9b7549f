import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { StateLock } from '../../../../../src/core/orchestration/store/disk/state-lock.js';
import { OrchestrationError } from '../../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../../support/errors.js';

/** One process. */
interface Contender {
  pid: number;
  steps: number;
  /** The step before which the system delays the process for long. */
  slowAt: number;
  /** The step before which the process is killed. */
  diesAt: number;
  /** The step that the system refuses. */
  failsAt: number;
  dead: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;
/** Turns in which other processes can take the lock, release it and take it again. */
const LONG = 40;

/** The folder, in memory. Each step takes effect at once; other processes may take any number of steps between two steps. */
const folder = new Map<string, string>();
const processes = new Map<number, Contender>();
const running = new AsyncLocalStorage<Contender>();
let scheduler: fc.Scheduler | undefined;

async function step<T>(effect: () => T): Promise<T> {
  const me = running.getStore();
  await scheduler?.schedule(Promise.resolve());
  if (me) {
    const number = me.steps++;
    for (let turn = 0; number === me.slowAt && turn < LONG; turn++) await scheduler?.schedule(Promise.resolve());
    me.dead ||= number >= me.diesAt;
    if (me.dead) await new Promise(() => {});
    if (number === me.failsAt) throw mocks.failure('EIO');
  }
  return effect();
}

const mocks = vi.hoisted(() => ({ failure: (code: string) => Object.assign(new Error(code), { code }) }));

vi.mock('node:fs/promises', () => ({
  mkdir: async () => {},
  readdir: () => step(() => [...folder.keys()].map((path) => path.slice(1))),
  rm: (path: string) => step(() => folder.delete(path)),
  open: async (path: string) => {
    await step(() => folder.set(path, ''));
    const write = (text: string) => step(() => folder.has(path) && folder.set(path, text));
    return {
      writeFile: async (text: string) => {
        await write(text.slice(0, 9));
        await write(text);
      },
      close: async () => {},
    };
  },
  link: (from: string, to: string) =>
    step(() => {
      const text = folder.get(from);
      if (text === undefined) throw mocks.failure('ENOENT');
      if (folder.has(to)) throw mocks.failure('EEXIST');
      folder.set(to, text);
    }),
  rename: (from: string, to: string) =>
    step(() => {
      const text = folder.get(from);
      if (text === undefined) throw mocks.failure('ENOENT');
      folder.delete(from);
      folder.set(to, text);
    }),
}));

vi.mock('../../../../../src/core/orchestration/util/fs/regular-file.js', () => ({
  readRegularFile: (path: string) =>
    step(() => {
      const text = folder.get(path);
      if (text === undefined) throw mocks.failure('ENOENT');
      return Buffer.from(text);
    }),
}));

vi.mock('../../../../../src/core/orchestration/process/process-identity.js', async (original) => ({
  ...(await original<object>()),
  pidSpace: async () => ({}),
  processIdentity: async () => ({ pid: running.getStore()?.pid ?? 1, startedAt: '' }),
  isAlive: ({ pid }: { pid: number }) => step(() => processes.get(pid)?.dead === false),
}));

function begin(order?: fc.Scheduler): void {
  folder.clear();
  processes.clear();
  scheduler = order;
}

function contender(pid: number, { slowAt = NEVER, diesAt = NEVER, failsAt = NEVER }): Contender {
  const one = { pid, slowAt, diesAt, failsAt, steps: 0, dead: false };
  processes.set(pid, one);
  return one;
}

const number = fc.option(fc.nat(60), { nil: NEVER });
const contenders = fc.array(fc.record({ slowAt: number, diesAt: number }), { minLength: 2, maxLength: 5 });

it('the state lock never has two owners, in any order of steps and deaths, and is free in the end', async () => {
  let handovers = 0;
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), contenders, async (anyOrder, fates) => {
      begin(anyOrder);
      const owners = new Set<Contender>();
      const wrong: unknown[] = [];

      const compete = async (me: Contender): Promise<void> => {
        for (let round = 0; round < 3; round++) {
          try {
            const lock = await StateLock.acquire('/');
            const others = [...owners].filter(({ dead }) => !dead);
            if (others.length > 0) wrong.push(`${me.pid} beside ${others.map(({ pid }) => pid)}`);
            handovers++;
            owners.add(me);
            await step(() => {});
            owners.delete(me);
            await lock.release();
          } catch (error) {
            if (!(error instanceof OrchestrationError) || error.code !== 'STATE_LOCKED') wrong.push(error);
          }
        }
        me.dead = true;
      };
      fates.forEach((fate, index) => {
        const me = contender(index + 2, fate);
        void running.run(me, () => compete(me));
      });
      await anyOrder.waitIdle();

      expect(wrong).toEqual([]);
      scheduler = undefined;
      // The remaining processes were killed and take no further step.
      for (const one of processes.values()) expect(one.dead).toBe(true);
      await StateLock.acquire('/');
      expect([...folder.keys()]).toEqual([expect.stringMatching(/^\/lock\.\d+$/)]);
    }),
    { numRuns: 500 },
  );
  expect(handovers).toBeGreaterThan(500);
});

it('a failed step of acquire or release leaves no lock behind', async () => {
  const outcomes = new Set<string>();
  for (let failsAt = 0; failsAt < 16; failsAt++) {
    begin();
    folder.set('/lock.1', 'damaged').set('/lock.draft-x', '');
    const me = contender(2, { failsAt });
    await running.run(me, async () => {
      const acquiring = StateLock.acquire('/');
      const lock = await acquiring.catch(() => errorOf(acquiring, 'STATE_NOT_WRITABLE'));
      if (lock instanceof StateLock) {
        const releasing = lock.release();
        const failed = await releasing.catch(() => errorOf(releasing, 'STATE_NOT_WRITABLE'));
        outcomes.add(failed ? 'not released' : 'released');
        await lock.release();
      } else {
        outcomes.add('not acquired');
      }
      me.failsAt = NEVER;
      // Acquired by the same process, which is alive.
      await StateLock.acquire('/');
      expect([...folder.keys()].filter((path) => path.includes('draft'))).toEqual([]);
    });
  }
  expect([...outcomes]).toEqual(['not acquired', 'released', 'not released']);
});
