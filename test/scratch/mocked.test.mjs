import { UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it, vi } from 'vitest';

const { detached, monitorLog } = vi.hoisted(() => ({ detached: vi.fn(), monitorLog: vi.fn() }));
vi.mock('channelcoder', () => ({ session: () => ({ detached }), monitorLog }));

it('the mocked module takes the place of ChannelCoder', async () => {
  detached.mockResolvedValue({ success: true });
  monitorLog.mockImplementation((_file, onEvent) => {
    onEvent({ type: 'system', subtype: 'init', session_id: 'conversation-1' });
    onEvent({ type: 'result', subtype: 'success', result: 'Mocked.' });
    return () => {};
  });
  const manager = new UnifiedSessionManager({ stateDir: 'mocked' });
  const { id } = await manager.create({ prompt: 'Tidy up' });
  expect((await manager.waitFor(id)).result?.text).toBe('Mocked.');
  expect(detached.mock.calls[0]?.[0]).toBe('Tidy up');
  await manager.close();
});
