import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';
import { fakeChannelCoder, testManager } from 'autonomous-orchestration/testing';
import { expect, it, vi } from 'vitest';

it('a mock that is given to the manager takes the place of ChannelCoder', async () => {
  const fake = fakeChannelCoder([{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'One file.' }]);
  const manager = new UnifiedSessionManager({ stateDir: 'state', channelCoder: fake.module });
  const { id } = await manager.create({ prompt: 'Count the files' });
  expect((await manager.waitFor(id)).result?.text).toBe('One file.');
  expect(fake.calls).toMatchObject([{ prompt: 'Count the files' }]);
  await manager.close();
});

it('a mock that was written by hand drives the typed events', async () => {
  const detached = vi.fn(async () => ({ pid: 4711, containerId: 'c0ffee' }));
  const monitorLog = vi.fn((_file, onEvent) => {
    onEvent({ type: 'assistant', message: { content: [{ type: 'text', text: 'Hello.' }] } });
    onEvent({ type: 'result', result: 'Done.' });
    return () => {};
  });
  const manager = new UnifiedSessionManager({
    stateDir: 'by-hand',
    channelCoder: { session: () => ({ detached }), monitorLog },
  });
  const messages = [];
  manager.on('session:message', ({ text }) => messages.push(text));
  const { id } = await manager.create({ prompt: 'Say {hello}' });
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
  expect(detached).toHaveBeenCalledWith('Say {hello}', expect.objectContaining({ logFile: expect.any(String) }));
  expect(messages).toEqual(['Hello.']);
  await manager.close();
});

it('an automock fails the session with what to add', async () => {
  const channelCoder = { session: vi.fn(), monitorLog: vi.fn() };
  const manager = new UnifiedSessionManager({ stateDir: 'automock', channelCoder });
  const { id } = await manager.create({ prompt: 'x' });
  expect((await manager.waitFor(id)).result?.error).toContain('Add session: () =>');
  await manager.close();
});

it('a test manager plays turns', async () => {
  const manager = testManager([{ text: 'Played.' }]);
  const { id } = await manager.create({ prompt: 'x' });
  expect((await manager.waitFor(id)).result?.text).toBe('Played.');
  await expect(manager.create({ prompt: '' })).rejects.toBeInstanceOf(OrchestrationError);
  await manager.close();
});
