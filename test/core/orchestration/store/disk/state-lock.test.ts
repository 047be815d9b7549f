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
import type { LockRecord } from '../../../../../src/core/orchestration/process/lock-record.js';
import { processIdentity } from '../../../../../src/core/orchestration/process/process-identity.js';
import { StateLock } from '../../../../../src/core/orchestration/store/disk/state-lock.js';
import { quote } from '../../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../../support/errors.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const linux = process.platform === 'linux';

const REACH = "openSessions({ stateDir }) reaches its sessions, unless it has the option 'socket: false'.";

/** A lock file's content; by default that of an earlier process with the pid of this process. */
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
  it('acquiring the state lock creates the folder, which only its owner can enter', async () => {
    const folder = join(tempFolder(), 'new/state');
    await StateLock.acquire(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(['lock.1']);
    expect(statSync(join(folder, 'lock.1')).mode & 0o777).toBe(0o600);
  });

  it('the state lock has one owner at a time', async () => {
    const folder = stateDir();
    const first = await StateLock.acquire(folder);
    const error = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(error.message).toBe(
      `Option 'stateDir': "${folder}" is in use by another manager of this process (pid ${process.pid}); if hot reload has made it, keep it in globalThis. ${REACH} Otherwise close its manager, or choose another folder.`,
    );
    await first.release();
    const second = await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.2']);
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    await second.release();
  });

  it.runIf(linux)('the error for a lock of another live process names that process and its command', async () => {
    const words = readFileSync(`/proc/${process.ppid}/cmdline`, 'utf8').split('\0');
    const command = quote(words.join(' ').trim());
    const folder = stateDir({ 'lock.4': await record((await processIdentity(process.ppid)) ?? {}) });
    const { message } = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(message).toBe(
      `Option 'stateDir': "${folder}" is in use by process ${process.ppid}, ${command}. ${REACH} Otherwise close its manager, or choose another folder.`,
    );
    expect(readdirSync(folder)).toEqual(['lock.4']);
  });

  it.runIf(linux)('a lock of another container is kept, and the error says how to remove it', async () => {
    const folder = stateDir({ 'lock.4': await record({ pid: 7, pidNamespace: 'pid:[1]' }) });
    const { message } = await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
    expect(message).toContain('in use by process 7 of another container');
    expect(message).toContain(`once that container is gone, remove "${join(folder, 'lock.4')}".`);
  });

  it('a lock of an earlier process with the same pid is taken over', async () => {
    const folder = stateDir({ 'lock.4': await record() });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.5']);
  });

  it.runIf(linux)('a lock from before a reboot is taken over, even if its owner was in another container', async () => {
    expect(await isFree(stateDir({ 'lock.4': await record({ bootId: 'earlier', pidNamespace: 'pid:[1]' }) }))).toBe(
      true,
    );
  });

  it('exactly one of many callers takes over the lock of a dead owner', async () => {
    const folder = stateDir({ 'lock.9': await record() });
    const takers = await Promise.allSettled(Array.from({ length: 20 }, () => StateLock.acquire(folder)));
    const lost = takers.filter((taker) => taker.status === 'rejected');
    expect(lost.map(({ reason }) => reason.code)).toEqual(Array(19).fill('STATE_LOCKED'));
    expect(readdirSync(folder)).toEqual(['lock.10']);
  });

  it('only the lock file with the highest number counts', async () => {
    const mine = await record({});
    expect(await isFree(stateDir({ 'lock.9': mine, 'lock.10': await record() }))).toBe(true);
    expect(await isFree(stateDir({ 'lock.9': await record(), 'lock.10': mine }))).toBe(false);
  });

  it('files with other names are not touched', async () => {
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

  it('lock numbers do not start again at 1 after the highest number', async () => {
    const folder = stateDir({ [`lock.${'9'.repeat(15)}`]: await record() });
    await errorOf(StateLock.acquire(folder), 'STATE_NOT_WRITABLE');
    expect(existsSync(join(folder, 'lock.1'))).toBe(false);
  });
});

describe('a process that died while it acquired or released the lock', () => {
  it('a process that died before it had written its whole draft does not block the lock', async () => {
    const folder = stateDir({ 'lock.3': await record(), 'lock.draft-abc_-1': '{"version":1,"ow' });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.4']);
  });

  it('a process that died before it linked its draft does not block the lock', async () => {
    const folder = stateDir({ 'lock.3': await record(), 'lock.draft-abc': await record() });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.4']);
  });

  it('the draft and older lock files of a process that died before it removed them are removed', async () => {
    const dead = await record();
    const folder = stateDir({ 'lock.2': dead, 'lock.3': dead, 'lock.4': dead, 'lock.draft-abc': dead });
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.5']);
  });

  it('an older lock file of a dead process does not free the lock of the current owner', async () => {
    const folder = stateDir({ 'lock.2': await record(), 'lock.7': await record({}) });
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
  });

  it('the draft of a process that died before it released its lock is removed', async () => {
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
  ])('a damaged lock file has no owner: %s', async (content) =>
    expect(await isFree(stateDir({ 'lock.1': content }))).toBe(true),
  );

  it('a lock file of a later version is not treated as damaged', async () => {
    const later = { ...JSON.parse(await record({})), version: 2, more: true };
    expect(await isFree(stateDir({ 'lock.1': JSON.stringify(later) }))).toBe(false);
  });

  it('a lock file that is a link is not followed', async () => {
    const target = join(stateDir({ target: await record({}) }), 'target');
    const folder = stateDir();
    symlinkSync(target, join(folder, 'lock.1'));
    symlinkSync('/nonexistent', join(folder, 'lock.2'));
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.3']);
    expect(readFileSync(target, 'utf8')).toBe(await record({}));
  });

  it('a lock file that is a FIFO does not block', async () => {
    const folder = stateDir();
    execFileSync('mkfifo', [join(folder, 'lock.1')]);
    expect(await isFree(folder)).toBe(true);
  });

  it('a lock file may be a folder or a socket', async () => {
    const folder = stateDir();
    mkdirSync(join(folder, 'lock.1/x'), { recursive: true });
    const server = createServer().listen(join(folder, 'lock.2'));
    onTestFinished(() => void server.close());
    await StateLock.acquire(folder);
    expect(readdirSync(folder)).toEqual(['lock.3']);
  });
});

describe('releasing a state lock', () => {
  it("release() can be called again, and does not release the next owner's lock", async () => {
    const folder = stateDir();
    const lock = await StateLock.acquire(folder);
    await Promise.all([lock.release(), lock.release()]);
    await StateLock.acquire(folder);
    await lock.release();
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
  });

  it('release() keeps the lock file with its number and its last owner', async () => {
    const folder = stateDir();
    await (await StateLock.acquire(folder)).release();
    expect(readdirSync(folder)).toEqual(['lock.1']);
    expect(statSync(join(folder, 'lock.1')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(folder, 'lock.1'), 'utf8'))).toMatchObject({
      owner: { pid: process.pid },
      released: true,
    });
  });

  it('release() does nothing if the folder was removed', async () => {
    const folder = stateDir();
    const lock = await StateLock.acquire(folder);
    rmSync(folder, { recursive: true });
    await lock.release();
    expect(existsSync(folder)).toBe(false);
  });

  it('release() does not release the new lock of a folder that was removed and created again', async () => {
    const folder = join(tempFolder(), 'state');
    const lock = await StateLock.acquire(folder);
    rmSync(folder, { recursive: true });
    await StateLock.acquire(folder);
    await lock.release();
    await errorOf(StateLock.acquire(folder), 'STATE_LOCKED');
  });

  it('release() does nothing if the lock file was damaged', async () => {
    const folder = stateDir();
    const lock = await StateLock.acquire(folder);
    truncateSync(join(folder, 'lock.1'));
    await lock.release();
    expect(readdirSync(folder)).toEqual(['lock.1']);
  });

  it('release() finds a relative folder after a change of the working directory', async () => {
    const folder = stateDir();
    // Worker threads cannot change their working directory.
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const lock = await StateLock.acquire('.');
    cwd.mockRestore();
    await lock.release();
    expect(await isFree(folder)).toBe(true);
  });
});

describe.runIf(linux)('a folder that cannot be locked', () => {
  it.each(['/sys/kernel', '/sys/state', '/dev/null', '/dev/null/state'])(
    'a folder that cannot be locked is refused: %s',
    async (folder) => {
      const error = await errorOf(StateLock.acquire(folder), 'STATE_NOT_WRITABLE');
      expect(error.message).toContain(`Option 'stateDir': "${folder}" cannot be used (`);
      expect(error.message).toContain('Make room, correct its owner, or choose another.');
      expect(error.cause).toBeInstanceOf(Error);
    },
  );
});
