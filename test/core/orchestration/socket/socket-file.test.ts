import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { openSessions } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  connectInFolder,
  listenInFolder,
  removeSocket,
} from '../../../../src/core/orchestration/socket/socket-file.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

function server(): Server {
  const made = createServer((socket) => socket.end());
  onTestFinished(() => void made.close());
  return made;
}

const isReached = async (folder: string): Promise<boolean> => {
  const socket = await connectInFolder(folder);
  socket?.destroy();
  return socket !== undefined;
};

describe('the socket of a state folder', () => {
  it('only its user may connect, and nothing else is left in the folder', async () => {
    const folder = tempFolder();
    await listenInFolder(server(), folder);
    expect(readdirSync(folder)).toEqual(['manager.sock']);
    expect(lstatSync(join(folder, 'manager.sock')).mode & 0o777).toBe(0o600);
    expect(await isReached(folder)).toBe(true);
  });

  it('a socket that was left behind counts as nobody, and is replaced', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'socket-abcdef'));
    const first = server();
    await listenInFolder(first, folder);
    await new Promise((resolve) => first.close(resolve));
    expect(readdirSync(folder)).toEqual(['manager.sock']);
    expect(await isReached(folder)).toBe(false);
    await listenInFolder(server(), folder);
    expect(await isReached(folder)).toBe(true);
    await removeSocket(folder);
    expect(await isReached(folder)).toBe(false);
  });

  it('a server that is closed late does not remove the socket of the next one', async () => {
    const folder = tempFolder();
    const [first, next] = [server(), server()];
    await listenInFolder(first, folder);
    await listenInFolder(next, folder);
    await new Promise((resolve) => first.close(resolve));
    expect(await isReached(folder)).toBe(true);
  });

  it.runIf(process.platform === 'linux')(
    'the path of the folder may be longer than the system allows for a socket',
    async () => {
      const folder = join(tempFolder(), 'a'.repeat(200), 'b'.repeat(200));
      mkdirSync(folder, { recursive: true });
      await listenInFolder(server(), folder);
      expect(await isReached(folder)).toBe(true);
    },
  );

  it('no folder, an empty folder and a file in its place count as nobody', async () => {
    const folder = tempFolder();
    expect(await isReached(join(folder, 'none'))).toBe(false);
    expect(await isReached(folder)).toBe(false);
    writeFileSync(join(folder, 'manager.sock'), 'no socket');
    expect(await isReached(folder)).toBe(false);
    await listenInFolder(server(), folder);
    expect(await isReached(folder)).toBe(true);
  });

  it('a folder that others can write to is refused', async () => {
    const folder = tempFolder();
    await listenInFolder(server(), folder);
    chmodSync(folder, 0o777);
    const error = await errorOf(connectInFolder(folder), 'STATE_NOT_WRITABLE');
    expect(error.message).toContain('can be written by others');
  });

  it.runIf(process.getuid?.() === 0)('a folder of another user is refused', async () => {
    const folder = tempFolder();
    await listenInFolder(server(), folder);
    chownSync(folder, 1234, 1234);
    const error = await errorOf(openSessions({ stateDir: folder }), 'STATE_NOT_WRITABLE');
    expect(error.message).toContain('belongs to uid 1234');
  });
});
