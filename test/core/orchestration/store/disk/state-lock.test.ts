import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { processIdentity } from '../../../../../src/core/orchestration/process/process-identity.js';
import type { LockRecord } from '../../../../../src/core/orchestration/store/disk/lock-record.js';
import { StateLock } from '../../../../../src/core/orchestration/store/disk/state-lock.js';
import { errorOf } from '../../../../support/errors.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const linux = process.platform === 'linux';

/** A lock file's content; by default that of an earlier process which had this one's pid. */
async function record(owner: Partial<LockRecord['owner']> = { startedAt: '1' }): Promise<string> {
  const mine = await processIdentity(process.pid);
  return JSON.stringify({ version: 1, owner: { ...mine, ...owner }, nonce: 'theirs' });
}

/** A state folder with these files in it. */
function stateDir(files: Record<string, string> = {}): string {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

async function isFree(folder: string): Promise<boolean> {
  try {
    await (await StateLock.acquire(folder)).release();
    return true;
  } catch {
    return false;
  }
}

describe('a state lock', () => {
  it('makes the folder, which only its owner can enter', async () => {
    const folder = join(tempFolder(), 'new/state');
    await StateLock.acquire(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(['lock.1']);
    expect(statSync(join(folder, 'lock.1')).mode & 0o777).toBe(0o600);
  });

  it('is had once at a time', async () => {
    const folder = stateDir();
    const first = await StateLock.acquire(folder);
    const error = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(error.message).toBe(
      `Option 'stateDir': "${folder}" is in use by another manager of this process (pid ${process.pid}). Close that one first, or choose another folder.`,
    );
    await first.release();
    const second = await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.2']);
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    await second.release();
  });

  it('of another live process names it', async () => {
    const folder = stateDir({ 'lock.4': await record((await processIdentity(process.ppid)) ?? {}) });
    const { message } = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(message).toBe(
      `Option 'stateDir': "${folder}" is in use by process ${process.ppid}. Close its manager or end it first, or choose another folder.`,
    );
    expect(readdirSync(folder)).toEqual(['lock.4']);
  });

  it.runIf(linux)('of another container stays, and the message says how it goes', async () => {
    const folder = stateDir({ 'lock.4': await record({ pid: 7, pidNamespace: 'pid:[1]' }) });
    const { message } = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(message).toContain('in use by process 7 of another container');
    expect(message).toContain(`once that container is gone, remove "${join(folder, 'lock.4')}".`);
  });

  it('of an earlier process with the same pid is taken over', async () => {
    const folder = stateDir({ 'lock.4': await record() });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.5']);
  });

  it.runIf(linux)('of an earlier boot is taken over, even of another container', async () => {
    expect(await isFree(stateDir({ 'lock.4': await record({ bootId: 'earlier', pidNamespace: 'pid:[1]' }) }))).toBe(
      true,
    );
  });

  it('goes to one of many that find a dead owner at once', async () => {
    const folder = stateDir({ 'lock.9': await record() });
    const takers = await Promise.allSettled(Array.from({ length: 20 }, () => StateLock.acquire(folder)));
    const lost = takers.filter((taker) => taker.status === 'rejected');
    expect(lost.map(({ reason }) => reason.code)).toEqual(Array(19).fill('STATE_LOCKED'));
    expect(readdirSync(folder)).toEqual(['lock.10']);
  });

  it('only the highest generation counts', async () => {
    const mine = await record({});
    expect(await isFree(stateDir({ 'lock.9': mine, 'lock.10': await record() }))).toBe(true);
    expect(await isFree(stateDir({ 'lock.9': await record(), 'lock.10': mine }))).toBe(false);
  });

  it('other names are not touched', async () => {
    const names = [
      'lock.',
      'lock.0',
      'lock.01',
      'lock.1e3',
      'lock.x',
      'lock.json',
      'sessions',
      `lock.${'9'.repeat(16)}`,
    ];
    const folder = stateDir(Object.fromEntries(names.map((name) => [name, ''])));
    await StateLock.acquire(folder);
    expect(readdirSync(folder).toSorted()).toEqual([...names, 'lock.1'].toSorted());
  });

  it('does not begin again where the numbers end', async () => {
    const folder = stateDir({ [`lock.${'9'.repeat(15)}`]: await record() });
    await errorOf(StateLock.acquire(folder), 'STATE_NOT_WRITABLE');
    expect(existsSync(join(folder, 'lock.1'))).toBe(false);
  });
});

describe('a taker that died', () => {
  it('before it wrote its draft to the end', async () => {
    const folder = stateDir({ 'lock.3': await record(), 'lock.draft-abc_-1': '{"version":1,"ow' });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.4']);
  });

  it('before it linked its draft', async () => {
    const folder = stateDir({ 'lock.3': await record(), 'lock.draft-abc': await record() });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.4']);
  });

  it('before it removed its draft and the generations before', async () => {
    const dead = await record();
    const folder = stateDir({ 'lock.2': dead, 'lock.3': dead, 'lock.4': dead, 'lock.draft-abc': dead });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.5']);
  });

  it('before it withdrew', async () => {
    const folder = stateDir({ 'lock.2': await record(), 'lock.7': await record({}) });
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
  });

  it('before it released its lock: the draft of that is removed', async () => {
    const folder = stateDir({ 'lock.2': await record(), 'lock.draft-abc': await record() });
    expect(await isFree(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual(['lock.3']);
  });
});

describe('a damaged lock file', () => {
  it.each([
    '',
    '{',
    'null',
    '{"version":1}',
    '{"version":1,"owner":{"pid":-1,"startedAt":""},"nonce":""}',
    `{}${' '.repeat(5000)}`,
  ])('is nobody’s: %s', async (content) => expect(await isFree(stateDir({ 'lock.1': content }))).toBe(true));

  it('is not one of a later version', async () => {
    const later = { ...JSON.parse(await record({})), version: 2, more: true };
    expect(await isFree(stateDir({ 'lock.1': JSON.stringify(later) }))).toBe(false);
  });

  it('may be a link, which is not followed', async () => {
    const target = join(stateDir({ target: await record({}) }), 'target');
    const folder = stateDir();
    symlinkSync(target, join(folder, 'lock.1'));
    symlinkSync('/nonexistent', join(folder, 'lock.2'));
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.3']);
    expect(readFileSync(target, 'utf8')).toBe(await record({}));
  });

  it('may be a FIFO, which does not block', async () => {
    const folder = stateDir();
    execFileSync('mkfifo', [join(folder, 'lock.1')]);
    expect(await isFree(folder)).toBe(true);
  });

  it('may be a folder or a socket', async () => {
    const folder = stateDir();
    mkdirSync(join(folder, 'lock.1/x'), { recursive: true });
    const server = createServer().listen(join(folder, 'lock.2'));
    onTestFinished(() => void server.close());
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.3']);
  });
});

describe('releasing a state lock', () => {
  it('can be done again, and leaves the next owner alone', async () => {
    const folder = stateDir();
    const lock = await StateLock.acquire(folder);
    await Promise.all([lock.release(), lock.release()]);
    await StateLock.acquire(folder);
    await lock.release();
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
  });

  it('keeps the number, and who had it', async () => {
    const folder = stateDir();
    await (await StateLock.acquire(folder)).release();
    expect(readdirSync(folder)).toEqual(['lock.1']);
    expect(statSync(join(folder, 'lock.1')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(folder, 'lock.1'), 'utf8'))).toMatchObject({
      owner: { pid: process.pid },
      released: true,
    });
  });

  it('does nothing where the folder was removed', async () => {
    const folder = stateDir();
    const lock = await StateLock.acquire(folder);
    rmSync(folder, { recursive: true });
    await lock.release();
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves the lock of a folder that was made anew', async () => {
    const folder = join(tempFolder(), 'state');
    const lock = await StateLock.acquire(folder);
    rmSync(folder, { recursive: true });
    await StateLock.acquire(folder);
    await lock.release();
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
  });

  it('does nothing where its file was damaged', async () => {
    const folder = stateDir();
    const lock = await StateLock.acquire(folder);
    truncateSync(join(folder, 'lock.1'));
    await lock.release();
    expect(readdirSync(folder)).toEqual(['lock.1']);
  });

  it('finds its folder from another working directory', async () => {
    const folder = stateDir();
    // Workers cannot change theirs.
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const lock = await StateLock.acquire('.');
    cwd.mockRestore();
    await lock.release();
    expect(await isFree(folder)).toBe(true);
  });
});

describe.runIf(linux)('a folder that cannot be locked', () => {
  it.each(['/sys/kernel', '/sys/state', '/dev/null', '/dev/null/state'])('is refused: %s', async (folder) => {
    const error = await errorOf(StateLock.acquire(folder), 'STATE_NOT_WRITABLE');
    expect(error.message).toContain(`Option 'stateDir': "${folder}" cannot be used (`);
    expect(error.message).toContain('Make room, correct its owner, or choose another.');
    expect(error.cause).toBeInstanceOf(Error);
  });
});
