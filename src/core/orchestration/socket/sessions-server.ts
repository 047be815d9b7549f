import { createServer, type Server, type Socket } from 'node:net';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { isSessionId } from '../session/session-id.js';
import type { Sessions } from '../session/sessions.js';
import type { SessionRecords } from '../store/session-records.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { type FromOwner, VERSION, type Verb } from './messages.js';
import { receivedOptions } from './portable-options.js';
import { ServedClient } from './served-client.js';
import { listenInFolder, removeSocket } from './socket-file.js';

/** How many processes may be connected at once. */
const MOST_CLIENTS = 64;

export interface SessionsServerOptions {
  records: SessionRecords;
  commands: Pick<Sessions, Exclude<Verb, 'create'>> & {
    create(options: CreateSessionOptions, id: string): Promise<UnifiedSession>;
  };
  queueStatus: () => QueueStatus;
}

/**
 * Lets other processes of the same user take part in the sessions of a manager, over a socket in its state folder. Each gets all
 * records, then every change. It keeps no process alive.
 */
export class SessionsServer {
  readonly #options: SessionsServerOptions;
  readonly #clients = new Set<ServedClient>();
  readonly #creating = new Map<string, Promise<UnifiedSession>>();
  #server: Server | undefined;
  #stopFollowing = (): void => {};

  constructor(options: SessionsServerOptions) {
    this.#options = options;
  }

  /**
   * Begins to listen. If this fails, the manager works without: a process warning says why.
   *
   * @param complete resolves when no recovery is under way: to true if the records are complete, to false if it has failed
   */
  async listen(stateDir: string, complete: () => Promise<boolean>): Promise<void> {
    const server = createServer((socket) => void this.#serve(socket, complete));
    server.maxConnections = MOST_CLIENTS;
    server.unref();
    try {
      await listenInFolder(server, stateDir);
    } catch (error) {
      server.close();
      process.emitWarning(
        `Other processes cannot reach this manager, because no socket could be made in ${stateDir}: ${messageOf(error)}. The option 'socket: false' does without.`,
        'SessionsSocket',
      );
      return;
    }
    // Without a listener, an error of a later connection (too many open files) would end this process.
    server.on('error', () => {});
    this.#server = server;
    this.#stopFollowing = this.#options.records.follow({
      onAction: ({ id }, action, at) => this.#tell({ type: 'action', id, action, at }),
      onDropped: (id, at) => this.#tell({ type: 'action', id, action: { type: 'removed' }, at }),
      onQueue: (event) => this.#tell({ type: 'queue', event }),
    });
  }

  /** Removes the socket, so that no further process connects. */
  async refuse(stateDir: string): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await removeSocket(stateDir).catch(() => {}); // What stays is replaced by the next owner.
    server.close();
  }

  /** Ends all connections, and removes the socket. */
  async close(stateDir: string): Promise<void> {
    await this.refuse(stateDir);
    this.#stopFollowing();
    for (const client of this.#clients) client.end();
  }

  #tell(message: FromOwner): void {
    if (this.#clients.size === 0) return;
    const line = `${JSON.stringify(message)}\n`;
    for (const client of this.#clients) client.tell(line);
  }

  async #serve(socket: Socket, complete: () => Promise<boolean>): Promise<void> {
    socket.unref();
    const { records, queueStatus } = this.#options;
    const client = new ServedClient(socket, {
      onCall: (verb, args) => this.#call(verb, args),
      onClose: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
    client.send({ type: 'hello', version: VERSION, pid: process.pid });
    // Without the records of the sessions that may still run, they would count as removed. The client tries again.
    if (!(await complete())) return client.end();
    await client.begin(records.registry.snapshot(), queueStatus());
  }

  /** The arguments are checked by the commands themselves. */
  async #call(verb: Verb, args: readonly unknown[]): Promise<void> {
    const { commands } = this.#options;
    if (verb === 'create') {
      await this.#create(args);
      return;
    }
    const command: (...given: never[]) => Promise<unknown> = commands[verb].bind(commands);
    await command(...(args as never[]));
  }

  /** A client whose connection was lost asks again, maybe before the first call is done. */
  async #create([options, id]: readonly unknown[]): Promise<void> {
    if (!isSessionId(id)) throw new OrchestrationError('INVALID_OPTIONS', `${quote(id)} is no id for a session.`);
    const creating =
      this.#creating.get(id) ??
      this.#options.commands.create(receivedOptions(options), id).finally(() => this.#creating.delete(id));
    this.#creating.set(id, creating);
    await creating;
  }
}
