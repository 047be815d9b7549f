import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { testManager } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';

it('a test manager plays its turns in every mode, and removes its folder when it is closed', async () => {
  const manager = testManager([{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'One file.' }]);
  let logFile = '';
  for (const mode of ['autonomous', 'planning', 'interactive'] as const) {
    const { id } = await manager.create({ prompt: 'Count the files', mode });
    const session = await manager.waitFor(id);
    expect(session.result?.text).toBe('One file.');
    logFile = session.logFile ?? '';
  }
  expect(existsSync(logFile)).toBe(true);
  await manager[Symbol.asyncDispose]();
  expect(existsSync(dirname(dirname(dirname(logFile))))).toBe(false);
});

it('a test manager takes options, says Done by default, and cancels sessions when it is closed', async () => {
  const manager = testManager(undefined, { maxConcurrent: 1 });
  const { id } = await manager.create({ prompt: 'x' });
  expect((await manager.waitFor(id)).result?.text).toBe('Done.');
  const slow = testManager([{ text: 'never', afterMs: 60_000 }]);
  const session = await slow.create({ prompt: 'x' });
  await Promise.all([manager.close(), slow.close()]);
  expect(slow.get(session.id)?.status).toBe('cancelled');
});
