import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { LaunchHelper } from '../../../../src/core/orchestration/process/launch-helper.js';
import { launchDetached } from '../../../../src/core/orchestration/process/launcher.js';
import { processIdentity } from '../../../../src/core/orchestration/process/process-identity.js';
import { tempFolder } from '../../../support/temp-folder.js';

const { proc } = vi.hoisted(() => ({ proc: { isFull: false } }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  const open: typeof real.open = (path, ...rest) =>
    proc.isFull && /^\/proc\/\d+\/stat$/.test(String(path))
      ? Promise.reject(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
      : real.open(path, ...rest);
  return { ...real, open };
});

it('a process that is launched while this process can open no more files can be signalled later', async () => {
  const helper = new LaunchHelper();
  onTestFinished(() => helper.close());
  await helper.prepare();
  const folder = new SessionFolder(tempFolder(), 'abcdefghijkl');
  await folder.create();
  const inputFile = join(folder.path, 'input');
  writeFileSync(inputFile, '');
  proc.isFull = true;
  const run = await launchDetached(
    { spawn, helper },
    { command: 'sleep', args: ['600'], cwd: folder.path, env: { PATH: process.env.PATH }, folder, inputFile },
  );
  proc.isFull = false;
  onTestFinished(() => void process.kill(run.pid, 'SIGKILL'));
  expect(run.identity).toEqual(await processIdentity(run.pid));
  expect(run.identity?.startedAt).toMatch(/^\d+$/);
  expect(await run.isOurs()).toBe(true);
});
