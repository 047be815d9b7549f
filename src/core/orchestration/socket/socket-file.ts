import { once } from 'node:events';
import { chmod, mkdtemp, readdir, realpath, rename, rm } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { OrchestrationError, quote, systemCode } from '../util/errors.js';
import { notWritable } from '../util/fs/not-writable.js';
import { inOwnFolder } from '../util/fs/own-file.js';

const NAME = 'manager.sock';
/** A folder in which a socket is made before it gets its name. */
const DRAFT = 'socket-';

/**
 * Lets a server listen at the socket of a state folder. A socket that an earlier owner left behind is replaced. Only the owner of
 * the folder may call this.
 *
 * The socket is made in a folder that nobody else can enter, so that there is no moment in which others could connect. It gets
 * its name when its mode is set. On Linux the path that is bound leads through `/proc`, because the system allows no socket path
 * of more than 107 bytes.
 *
 * @throws an error of the system
 */
export async function listenInFolder(server: Server, stateDir: string): Promise<void> {
  const folder = await realpath(stateDir);
  for (const name of await readdir(folder)) {
    if (name.startsWith(DRAFT)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const draft = await mkdtemp(join(folder, DRAFT));
  try {
    // When the server is closed, Node.js removes the path that it was given. By then, that path may lead elsewhere.
    const made = join(draft, nanoid());
    await inOwnFolder(made, async (path) => {
      server.listen({ path, exclusive: true }); // In a cluster, the primary process would not find this path.
      await once(server, 'listening');
    });
    await chmod(made, 0o600);
    await rename(made, join(folder, NAME));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Removes the socket. Only the owner of the folder may call this. */
export async function removeSocket(stateDir: string): Promise<void> {
  await rm(join(stateDir, NAME), { force: true });
}

/**
 * Connects to the owner of a state folder.
 *
 * @returns undefined if nobody listens there
 * @throws OrchestrationError `OWNER_UNREACHABLE`; `STATE_NOT_WRITABLE` if the folder belongs to somebody else, or the system refuses
 */
export async function connectInFolder(stateDir: string): Promise<Socket | undefined> {
  try {
    return await inOwnFolder(join(await realpath(stateDir), NAME), async (path) => {
      const socket = connect({ path });
      await once(socket, 'connect');
      return socket;
    });
  } catch (error) {
    // The owner hangs, and as many connections wait for it as the system allows.
    if (systemCode(error) === 'EAGAIN') {
      throw new OrchestrationError(
        'OWNER_UNREACHABLE',
        `The process that owns ${quote(stateDir)} takes no connections.`,
      );
    }
    // There is no folder, no socket in it, or a socket whose process is gone.
    if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(systemCode(error) ?? '')) return undefined;
    throw notWritable(stateDir, error);
  }
}
