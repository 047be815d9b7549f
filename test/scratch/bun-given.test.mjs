import { expect, test } from 'bun:test';
import { openSessions, UnifiedSessionManager } from 'autonomous-orchestration';
import { fakeChannelCoder, testManager } from 'autonomous-orchestration/testing';

test('a mock that is given to the manager takes the place of ChannelCoder', async () => {
  const fake = fakeChannelCoder([{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'One file.' }]);
  const manager = new UnifiedSessionManager({ stateDir: 'bun-given', channelCoder: fake.module });
  const { id } = await manager.create({ prompt: 'Count the files' });
  expect((await manager.waitFor(id)).result?.text).toBe('One file.');
  await manager.close();
});

test('a mock that was written by hand drives the typed events', async () => {
  const monitorLog = (_file, onEvent) => {
    onEvent({ type: 'assistant', message: { content: [{ type: 'text', text: 'Hello.' }] } });
    onEvent({ type: 'result', result: 'Done.' });
    return () => {};
  };
  const channelCoder = { session: () => ({ detached: async () => ({ success: true }) }), monitorLog };
  const manager = new UnifiedSessionManager({ stateDir: 'bun-by-hand', channelCoder });
  const messages = [];
  manager.on('session:message', ({ text }) => messages.push(text));
  const { id } = await manager.create({ prompt: 'Say hello' });
  expect((await manager.waitFor(id)).result?.text).toBe('Done.');
  expect(messages).toEqual(['Hello.']);
  await manager.close();
});

test('a test manager plays turns, and a client of its process sees them', async () => {
  const manager = testManager([{ text: 'Played.' }]);
  const { id, logFile } = await manager.create({ prompt: 'x' });
  const client = await openSessions({ stateDir: logFile.replace(/\/sessions\/.*/, '') });
  expect((await client.waitFor(id)).result?.text).toBe('Played.');
  await client.close();
  await manager.close();
});
