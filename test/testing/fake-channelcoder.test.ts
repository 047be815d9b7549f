import { UnifiedSessionManager } from 'autonomous-orchestration';
import { fakeChannelCoder } from 'autonomous-orchestration/testing';
import { expect, it, onTestFinished } from 'vitest';
import { tempFolder } from '../support/temp-folder.js';

it('a fake ChannelCoder plays its turns in each run of a session, and records its calls', async () => {
  const fake = fakeChannelCoder([{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'Played.' }]);
  const manager = new UnifiedSessionManager({ stateDir: tempFolder(), channelCoder: fake.module });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));

  const { id } = await manager.create({ prompt: 'Use {this}', cwd: tempFolder(), maxTurns: 3 });
  const first = await manager.waitFor(id);
  expect(first).toMatchObject({
    status: 'completed',
    result: { text: 'Played.', reason: 'success' },
    metadata: { toolsUsed: [{ name: 'Bash', outcome: 'ok' }] },
  });
  await manager.continue(id, 'Again');
  const second = await manager.waitFor(id);

  expect(second).toMatchObject({
    status: 'completed',
    runs: [{ number: 1 }, { number: 2 }],
    metadata: { messages: 4 },
  });
  expect(fake.calls).toMatchObject([
    { prompt: 'Use {this}', options: { logFile: first.logFile, maxTurns: 3 } },
    { prompt: 'Again', options: { resume: first.channelCoderSession } },
  ]);
});
