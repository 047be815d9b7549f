import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { bash, containersGone, scripted, tempFolder, testManager } from './support.js';

it('continue() after the end adds a second run with the same id and the whole conversation', async () => {
  const { manager, events } = await testManager();
  const options = scripted({ text: 'The secret word is heron.' }, { history: true });
  const session = await manager.create({ ...options, prompt: 'Tell me a secret word', cwd: await tempFolder() });
  const first = await manager.waitFor(session.id);

  await manager.continue(session.id, 'Which word was it, {name}?');
  const second = await manager.waitFor(session.id);

  expect(second.id).toBe(first.id);
  expect(second.channelCoderSession).toBe(first.channelCoderSession);
  expect(second.runs).toMatchObject([
    { number: 1, exitCode: 0 },
    { number: 2, exitCode: 0, feedback: 'Which word was it, {name}?' },
  ]);
  expect(second.runs[0]?.containerId).not.toBe(second.runs[1]?.containerId);
  expect(second.result?.text).toBe('HISTORY: ["Tell me a secret word","Which word was it, {name}?"]');
  expect(second.metadata).toMatchObject({ messages: 2, turns: 2, tokens: { input: 200, output: 40 } });
  expect(second.metadata.costUsd).toBeCloseTo(2 * (first.metadata.costUsd ?? 0), 10);
  expect(events.filter(({ type }) => type === 'session:completed')).toHaveLength(2);
  await containersGone(second);
});

// Claude forgets a tool call that was interrupted, so the model makes it a second time.
it('continue() on a running session stops its run and starts another with the feedback', async () => {
  const { manager, events } = await testManager({ maxConcurrent: 1 });
  const options = scripted(bash('test -e begun || { touch begun; sleep 300; }'), { history: true });
  const cwd = await tempFolder();
  const session = await manager.create({ ...options, prompt: 'Wait for long', cwd });
  await expect.poll(() => readdir(cwd), { timeout: 60_000 }).toContain('begun');

  await manager.continue(session.id, 'Do not wait, answer');
  const ended = await manager.waitFor(session.id);

  expect(ended).toMatchObject({ status: 'completed', runs: [{ number: 1 }, { number: 2, exitCode: 0 }] });
  expect(ended.result?.text).toContain('Do not wait, answer');
  expect(events.filter(({ type }) => /completed|failed|cancelled/.test(type))).toHaveLength(1);
  await containersGone(ended);
});

it('continue() refuses a queued, a never started and an unknown session, and empty feedback', async () => {
  const { manager } = await testManager({ maxConcurrent: 1 });
  const cwd = await tempFolder();
  const running = await manager.create({ ...scripted(bash('sleep 300')), prompt: 'Wait', cwd });
  const queued = await manager.create({ ...scripted({ text: 'ok' }), prompt: 'Later', cwd });
  await expect(manager.continue(queued.id, 'Go on')).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  await manager.cancel(queued.id);
  await expect(manager.continue(queued.id, 'Go on')).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  await expect(manager.continue(queued.id, '  ')).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  await expect(manager.continue('nobody', 'Go on')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
  await manager.cancel(running.id);
});
