import { execFileSync } from 'node:child_process';
import { constants, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRegularFile, readRegularFile } from '../../../../../src/core/orchestration/util/fs/regular-file.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

describe.each([
  ['to read', {}],
  ['to append', { flags: APPEND, mode: 0o600 }],
])('a file that is opened %s', (_, options) => {
  it('openRegularFile opens a regular file', async () => {
    const path = join(tempFolder(), 'file');
    writeFileSync(path, 'text');
    const file = await openRegularFile(path, options);
    onTestFinished(() => file.close());
    expect((await file.stat()).size).toBe(4);
  });

  it('openRegularFile refuses a link, wherever it leads', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'target'), 'secret');
    symlinkSync('target', join(folder, 'link'));
    symlinkSync('none', join(folder, 'dangling'));
    for (const name of ['link', 'dangling']) {
      await expect(openRegularFile(join(folder, name), options)).rejects.toMatchObject({ code: 'ELOOP' });
    }
  });

  it('openRegularFile refuses a FIFO, and does not wait for its other end', async () => {
    const fifo = join(tempFolder(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    await expect(openRegularFile(fifo, options)).rejects.toThrow();
  });

  it('openRegularFile refuses a socket', async () => {
    const path = join(tempFolder(), 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    await expect(openRegularFile(path, options)).rejects.toMatchObject({ code: 'ENXIO' });
  });

  it('openRegularFile refuses a folder', async () => {
    const folder = join(tempFolder(), 'folder');
    mkdirSync(folder);
    await expect(openRegularFile(folder, options)).rejects.toThrow();
  });
});

it('openRegularFile creates a file if the flags say so', async () => {
  const path = join(tempFolder(), 'log');
  const file = await openRegularFile(path, { flags: APPEND, mode: 0o600 });
  await file.write('text');
  await file.close();
  expect(readFileSync(path, 'utf8')).toBe('text');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('readRegularFile reads a file up to the given length, and refuses a longer one', async () => {
  const path = join(tempFolder(), 'file');
  writeFileSync(path, 'text');
  expect((await readRegularFile(path, { most: 4 })).toString()).toBe('text');
  await expect(readRegularFile(path, { most: 3 })).rejects.toThrow('it is longer than 3 bytes');
});
