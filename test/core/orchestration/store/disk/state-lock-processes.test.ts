import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { StateLock } from '../../../../../src/core/orchestration/store/disk/state-lock.js';
import { errorOf } from '../../../../support/errors.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const fixture = join(import.meta.dirname, '../../../../fixtures/lock-contender.ts');

async function contender(folder: string): Promise<ChildProcess> {
  const child = fork(fixture, [folder], { execArgv: ['--import', 'tsx'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await answer(child)).toBe('ready');
  return child;
}

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, 'message');
  return message;
}

async function ask(child: ChildProcess, message: 'acquire' | 'release'): Promise<unknown> {
  const answered = answer(child);
  child.send(message);
  return answered;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

it('exactly one of several processes gets the state lock, after a release as after a kill', async () => {
  const folder = tempFolder();
  const children = await Promise.all(Array.from({ length: 4 }, () => contender(folder)));
  for (let round = 1; round <= 30; round++) {
    const answers = await Promise.all(children.map((child) => ask(child, 'acquire')));
    expect(answers.toSorted()).toEqual([...Array(children.length - 1).fill('STATE_LOCKED'), 'done']);
    const index = answers.indexOf('done');
    const owner = children[index] as ChildProcess;
    const { message } = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(message).toContain(`in use by process ${owner.pid}, "`);
    if (round % 15 === 0) {
      await kill(owner);
      children.splice(index, 1);
    } else {
      expect(await ask(owner, 'release')).toBe('done');
    }
  }
  await StateLock.acquire(folder);
  expect(readdirSync(folder)).toEqual(['lock.31']);
}, 20_000);

it('the state lock of a killed process is taken over at once', async () => {
  const folder = tempFolder();
  const child = await contender(folder);
  expect(await ask(child, 'acquire')).toBe('done');
  await kill(child);
  await (await StateLock.acquire(folder)).release();
}, 20_000);

it('the state lock can be acquired after processes were killed while they acquired it', async () => {
  const folder = tempFolder();
  const children = await Promise.all(Array.from({ length: 3 }, () => contender(folder)));
  for (const child of children) {
    const watcher = watch(folder);
    child.send('acquire');
    // The child's draft has appeared. How far the child gets before the signal arrives differs each time.
    await once(watcher, 'change');
    await kill(child);
    watcher.close();
  }
  await StateLock.acquire(folder);
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^lock\.[1-4]$/)]);
}, 20_000);
