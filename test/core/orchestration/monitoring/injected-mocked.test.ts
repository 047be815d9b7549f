import { StreamMonitor } from 'autonomous-orchestration';
import { expect, it, vi } from 'vitest';
import { injectedChannelCoder } from '../../../../src/core/orchestration/monitoring/injected.js';

const { monitorLog } = vi.hoisted(() => ({ monitorLog: vi.fn() }));
vi.mock('channelcoder', () => ({ session: () => ({}), monitorLog }));

it.each([
  ['takes the place of ChannelCoder under Vitest', { VITEST: 'true' }, true],
  ['takes the place of ChannelCoder under Jest', { JEST_WORKER_ID: '1' }, true],
  ['takes the place of ChannelCoder under bun test', { NODE_ENV: 'test' }, true],
  // A release of ChannelCoder without one of the functions must not turn off the container and the guard.
  ['is not taken for a mock outside a test runner', { NODE_ENV: 'production' }, false],
])('a module that lacks functions %s', async (_, env, isInjected) => {
  expect((await injectedChannelCoder(undefined, env)) !== undefined).toBe(isInjected);
});

it('a StreamMonitor gets its events from the monitorLog of a mocked module', async () => {
  const cleanup = new StreamMonitor().monitorSession({ id: 'one', logFile: '/nonexistent/stream.log' });
  await expect.poll(() => monitorLog.mock.calls).toEqual([['/nonexistent/stream.log', expect.any(Function)]]);
  cleanup();
});
