import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runOnHost } from '../../../../src/core/orchestration/executors/process/host-run.js';
import type { LaunchedProcess, ProcessExit } from '../../../../src/core/orchestration/process/launcher.js';
import { orphanedProcess } from '../../../../src/core/orchestration/process/orphaned-process.js';
import { type ProcessIdentity, processIdentity } from '../../../../src/core/orchestration/process/process-identity.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';

/** How many attempts to inspect a process will fail, and how many have failed. */
const looks = vi.hoisted(() => ({ toFail: 0, failed: 0 }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    readFile: async (...args: Parameters<typeof real.readFile>) => {
      if (looks.toFail === 0) return real.readFile(...args);
      looks.toFail--;
      looks.failed++;
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    },
  };
});

/** A process that leads a group of its own. */
async function running(): Promise<{ identity: ProcessIdentity; signal: () => NodeJS.Signals | null }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  const identity = await processIdentity(child.pid ?? 0);
  if (!identity) throw new Error('it is gone');
  return { identity, signal: () => child.signalCode };
}

/** The same process id in other circumstances. */
const OTHERS: [string, Partial<ProcessIdentity>][] = [
  ['from before a restart of the machine', { bootId: 'another' }],
  ['of another container', { pidNamespace: 'pid:[1]' }],
  ['that began at another time', { startedAt: '1' }],
  ['whose start time is unknown', { startedAt: '' }],
];

describe.each(OTHERS)('a process %s', (_, change) => {
  it('the recorded process counts as gone, and the process that now has its id gets no signal', async () => {
    const { identity, signal } = await running();
    const orphan = orphanedProcess({ ...identity, ...change });
    expect(await orphan.exited).toEqual({ code: null, signal: null });
    orphan.kill('SIGKILL');
    const run = runOnHost(orphan);
    await run.pausing?.pause();
    await run.stop('gently');
    await run.stop('at-once');
    expect(await processIdentity(identity.pid)).toEqual(identity);
    expect(signal()).toBeNull();
  });
});

it('an orphaned process is ended together with its group', async () => {
  const { identity } = await running();
  const run = runOnHost(orphanedProcess(identity));
  await run.stop('gently');
  expect(await run.ended).toEqual({ unknown: true });
});

describe('while this process can open no more files', () => {
  it('an orphaned process counts as neither gone nor ours until it can be inspected', async () => {
    const { identity } = await running();
    Object.assign(looks, { toFail: 2, failed: 0 });
    const orphan = orphanedProcess(identity);
    let gone = false;
    void orphan.exited.then(() => {
      gone = true;
    });
    expect(await orphan.isOurs()).toBe(true);
    expect(looks.failed).toBe(2);
    expect(gone).toBe(false);
    looks.toFail = 1;
    orphan.kill('SIGKILL');
    expect(await orphan.exited).toEqual({ code: null, signal: null });
    expect(looks.failed).toBe(3);
  });
});

describe('a stop at once', () => {
  /** A process that ends only on SIGKILL. `signals` are the signals that its group was sent. */
  function stubborn(): { launched: LaunchedProcess; signals: unknown[]; exit: () => void } {
    const exited = deferred<ProcessExit>();
    const exit = (): void => exited.resolve({ code: null, signal: 'SIGKILL' });
    const signals: unknown[] = [];
    const kill = vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
      expect(pid).toBe(-4_194_300);
      signals.push(signal);
      if (signal === 'SIGKILL') exit();
      return true;
    });
    onTestFinished(() => kill.mockRestore());
    const launched = {
      pid: 4_194_300,
      identity: undefined,
      exited: exited.promise,
      kill() {},
      isOurs: async () => true,
    };
    return { launched, signals, exit };
  }

  it("stop('at-once') cuts a gentle stop short", async () => {
    const { launched, signals, exit } = stubborn();
    onTestFinished(exit);
    const run = runOnHost(launched);
    const stopping = run.stop('gently');
    await turn();
    expect(signals).toEqual(['SIGTERM', 'SIGCONT']);
    const stopped = run.stop('at-once');
    await turn();
    expect(signals).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL']);
    await Promise.all([stopping, stopped, run.stop('at-once'), run.stop('gently')]);
    expect(signals).toHaveLength(3);
  });

  it("stop('at-once') sends SIGKILL first to a process that got no signal before", async () => {
    const { launched, signals } = stubborn();
    await runOnHost(launched).stop('at-once');
    expect(signals).toEqual(['SIGKILL']);
  });
});
