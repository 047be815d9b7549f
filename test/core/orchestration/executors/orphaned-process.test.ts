import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runOnHost } from '../../../../src/core/orchestration/executors/host-run.js';
import { orphanedProcess } from '../../../../src/core/orchestration/executors/orphaned-process.js';
import { type ProcessIdentity, processIdentity } from '../../../../src/core/orchestration/state/process-identity.js';

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
  ['of the time before a restart', { bootId: 'another' }],
  ['of another container', { pidNamespace: 'pid:[1]' }],
  ['that began at another time', { startedAt: '1' }],
  ['of which nobody knows when it began', { startedAt: '' }],
];

describe.each(OTHERS)('a process %s', (_, change) => {
  it('counts as gone, and whoever has its id now gets no signal', async () => {
    const { identity, signal } = await running();
    const orphan = orphanedProcess({ ...identity, ...change });
    expect(await orphan.exited).toEqual({ code: null, signal: null });
    orphan.kill('SIGKILL');
    const run = runOnHost(orphan);
    await run.pause?.();
    await run.stop('gently');
    await run.stop('at-once');
    expect(await processIdentity(identity.pid)).toEqual(identity);
    expect(signal()).toBeNull();
  });
});

it('the very process is ended together with its group', async () => {
  const { identity } = await running();
  const run = runOnHost(orphanedProcess(identity));
  await run.stop('gently');
  expect(await run.ended).toEqual({ unknown: true });
});
