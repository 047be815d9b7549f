import { appendFileSync, readFileSync } from 'node:fs';
import type { RunHandle, RunRequest, SessionLimits } from 'autonomous-orchestration';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { expect, it, vi } from 'vitest';
import { errorOf } from '../../../support/errors.js';
import { DONE, ENDLESS, nextEvent, simulate } from '../../../support/simulate.js';

const MB = 1024 * 1024;
/** Lines that have to be parsed, but carry no information. */
const SLOW = '{"type":"x"}\n';
const slow = (bytes: number): string => SLOW.repeat(Math.ceil(bytes / SLOW.length));

/** A tool call that the guard was not asked about, and its result. */
const UNASKED = [
  {
    type: 'assistant',
    message: { id: 'm', content: [{ type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls' } }] },
  },
  { type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }] } },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');

const said = (text: string): string =>
  `${JSON.stringify({ type: 'assistant', message: { id: 'z', content: [{ type: 'text', text }] } })}\n`;

/** A simulation that records what is done to its run. */
class Told extends SimulatedExecutor {
  readonly done: string[] = [];

  override async launch(request: RunRequest): Promise<RunHandle> {
    const handle = await super.launch(request);
    return {
      ...handle,
      stop: (how) => {
        this.done.push(`stop ${how}`);
        return handle.stop(how);
      },
      pausing: {
        paused: false,
        pause: async () => {
          this.done.push('pause');
          await handle.pausing?.pause();
        },
        resume: async () => {
          this.done.push('resume');
          await handle.pausing?.resume();
        },
      },
    };
  }
}

/** A session that runs, whose agent can write into its log. */
async function running(limits: SessionLimits = {}) {
  const executor = new Told(ENDLESS);
  const { manager, events } = simulate(DONE, { executors: { autonomous: executor } });
  const begun = nextEvent(manager, 'session:message');
  const { id } = await manager.create({ prompt: 'x', limits });
  await begun;
  const { logFile = '' } = manager.get(id) ?? {};
  return { manager, events, id, done: executor.done, logFile, write: (text: string) => appendFileSync(logFile, text) };
}

it('a log that grows beyond limits.logBytes ends its session at once, and stays readable', async () => {
  const { manager, id, done, logFile, write } = await running({ logBytes: 100_000 });
  write('y\n'.repeat(60_000));
  expect(await manager.waitFor(id)).toMatchObject({
    status: 'failed',
    result: { reason: 'log_limit', error: 'The log is longer than limits.logBytes (100000 bytes).' },
    metadata: { messages: 1 },
  });
  expect(done).toEqual(['stop at-once']);
  expect(readFileSync(logFile, 'utf8')).toContain('Waiting.');
  const { message } = await errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
  expect(message).toContain('limits.logBytes');
});

it('a log that is exactly as long as limits.logBytes does not end its session', async () => {
  const { manager, id, logFile, write } = await running({ logBytes: 100_000 });
  write(`${'y'.repeat(100_000 - readFileSync(logFile).length - said('last').length - 1)}\n${said('last')}`);
  await vi.waitUntil(() => manager.get(id)?.metadata.lastMessage === 'last', 20_000);
  expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
});

it('a run whose log is read too slowly is frozen until the log is read; the session is not paused', async () => {
  const { manager, events, id, done, write } = await running();
  write(slow(24 * MB));
  await vi.waitUntil(() => done.includes('resume'), 20_000);
  expect(done).toEqual(['pause', 'resume']);
  expect(manager.get(id)).toMatchObject({ status: 'running' });
  expect(manager.get(id)?.runs[0]).not.toHaveProperty('pauses');
  expect(events.map(({ type }) => type)).not.toContain('session:paused');
});

it("a person's pause while the log is read too slowly stays in force after the log is read", async () => {
  const { manager, id, done, write } = await running();
  const isFrozen = (): boolean => done.lastIndexOf('pause') > done.lastIndexOf('resume');
  write(slow(24 * MB));
  await vi.waitUntil(() => done.includes('pause'), 20_000);
  await manager.pause(id);
  write(said('behind it'));
  await vi.waitUntil(() => manager.get(id)?.metadata.lastMessage === 'behind it', 20_000);
  expect(manager.get(id)?.status).toBe('paused');
  expect(isFrozen()).toBe(true);
  await manager.resume(id);
  await vi.waitUntil(() => !isFrozen(), 20_000);
  expect(manager.get(id)?.status).toBe('running');
});

it('a call that bypassed the guard behind megabytes of other lines is found while the agent is frozen', async () => {
  const { manager, id, done, write } = await running();
  write(`${slow(24 * MB)}${UNASKED}`);
  expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'guard_bypassed' } });
  expect(done.slice(0, 2)).toEqual(['pause', 'stop at-once']);
});

it('a manager that closes resumes a run that it has frozen', async () => {
  const { manager, done, write } = await running();
  write(slow(24 * MB));
  await vi.waitUntil(() => done.includes('pause'), 20_000);
  await manager.close();
  expect(done).toEqual(['pause', 'resume']);
});
