import { AutonomousExecutor, UnifiedSessionManager } from 'autonomous-orchestration';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import type { FakeChannelCoder } from '../../src/testing/fake-channelcoder.js';
import { executables } from '../support/executables.js';
import { tempFolder } from '../support/temp-folder.js';

const fake = await vi.hoisted(async (): Promise<FakeChannelCoder> => {
  const { fakeChannelCoder } = await import('../../src/testing/fake-channelcoder.js');
  return fakeChannelCoder([{ text: 'Started by itself.' }]);
});
vi.mock('channelcoder', () => fake.module);

beforeEach(() => vi.clearAllMocks());

it('a session that ChannelCoder starts itself is watched, ended by its result, and continued', async () => {
  const stateDir = tempFolder();
  const executor = new AutonomousExecutor({ stateDir, env: { PATH: executables({ claude: 'exit 1' }) } });
  const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: executor } });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));

  const { id } = await manager.create({ prompt: 'Use {this}', cwd: tempFolder(), docker: false, maxTurns: 3 });
  const first = await manager.waitFor(id);
  expect(first).toMatchObject({ status: 'completed', result: { text: 'Started by itself.', reason: 'success' } });
  await manager.continue(id, 'Again');
  const second = await manager.waitFor(id);

  expect(second).toMatchObject({ status: 'completed', runs: [{ number: 1 }, { number: 2 }] });
  expect(fake.calls).toHaveLength(2);
  expect(fake.calls[0]).toMatchObject({
    prompt: expect.stringContaining('Use \\{this}'),
    options: { logFile: first.logFile, outputFormat: 'stream-json', maxTurns: 3 },
  });
  expect(fake.calls[1]?.options.resume).toBe(first.channelCoderSession);
});
