import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';

/** How long clients may take, and how many there may be. Times in milliseconds. */
export interface ConnectionLimits {
  /** Until the head of a request has come. */
  readonly headMs: number;
  /** Until a whole request has come. */
  readonly requestMs: number;
  /** Without a byte in either direction while a request is answered, because nobody reads the answer. */
  readonly silenceMs: number;
  /** Until the next request on a connection. */
  readonly idleMs: number;
  /** How often `headMs` and `requestMs` are checked. */
  readonly checkMs: number;
  /** How many connections may be open. Any further connection is closed at once. */
  readonly connections: number;
}

const LIMITS: ConnectionLimits = {
  headMs: 10_000,
  requestMs: 30_000,
  // Longer than any silence of ours: an event stream has a ping every 15 seconds, and `cancel` may take half a minute.
  silenceMs: 120_000,
  idleMs: 10_000,
  checkMs: 1_000,
  connections: 256,
};

/** Where a server listens. */
export interface ListenOptions {
  readonly port: number;
  readonly hostname: string;
}

/**
 * Serves an app with Node, and limits what one client can take up: by sending slowly, by never ending a request, by not
 * reading, or by opening many connections. A connection has one request at a time. If a client sent further requests ahead,
 * their answers would have to be kept in memory. Browsers do not send requests ahead.
 *
 * @throws Error Node's own error if the port is not free
 */
export async function listen(
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  { port, hostname }: ListenOptions,
  limits: ConnectionLimits = LIMITS,
): Promise<{ server: Server; port: number }> {
  const answer = getRequestListener(fetch);
  const busy = new WeakSet<Socket>();
  const options = {
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
  };
  const server = createServer(options, (incoming, outgoing) => {
    const { socket } = incoming;
    if (busy.has(socket)) return socket.destroy();
    busy.add(socket);
    outgoing.once('close', () => busy.delete(socket));
    return answer(incoming, outgoing);
  });
  server.timeout = limits.silenceMs;
  server.maxConnections = limits.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}
