import { expect, jest, test } from '@jest/globals';

jest.unstable_mockModule('channelcoder', () => ({
  session: () => ({ detached: async () => ({ success: true }) }),
  monitorLog: (_file, onEvent) => {
    onEvent({ type: 'result', subtype: 'success', result: 'Mocked.' });
    return () => {};
  },
}));
const { UnifiedSessionManager } = await import('autonomous-orchestration');

test('the mocked module takes the place of ChannelCoder', async () => {
  const manager = new UnifiedSessionManager({ stateDir: 'jest' });
  const { id } = await manager.create({ prompt: 'Tidy up' });
  expect((await manager.waitFor(id)).result?.text).toBe('Mocked.');
  await manager.close();
});
