import type { Server } from 'node:http';
import { nanoid } from 'nanoid';
import type { Sessions } from '../../core/index.js';
import { LOOPBACK } from './access.js';
import { type AutonomousAppOptions, createAutonomousApp } from './app.js';
import { listen } from './node-server.js';

/** The app's options, and where to listen. You can leave out the token. */
export interface ServeOptions extends Omit<AutonomousAppOptions, 'token'> {
  /** Default: a new random token each time. */
  token?: string;
  /** Default 4300. With 0, the system chooses a free port. */
  port?: number;
  /**
   * The address to listen at. Default `127.0.0.1`, which only this machine can reach. `0.0.0.0` and `::` mean all addresses of
   * the machine. Requests from other machines are then answered only if they use a name in `hosts`.
   */
  hostname?: string;
}

/** A server that listens. */
export interface AutonomousServer {
  /** The address of the server, without a slash at the end. */
  readonly url: string;
  /**
   * The dashboard's address with the token. Whoever opens it may act. The part of the address behind `#` never leaves the
   * browser.
   */
  readonly dashboardUrl: string;
  /** The token that was given, or else the new one. */
  readonly token: string;
  /** Closes the server and its connections. The manager goes on. */
  close(): Promise<void>;
}

/**
 * Serves {@link createAutonomousApp} with Node. Resolves when the server listens. The server takes 256 connections. It ends a
 * connection that needs more than 10 seconds for the head of a request or 30 seconds for a whole request, or that reads nothing
 * for two minutes.
 *
 * @throws OrchestrationError as `createAutonomousApp`; Node's error if the port is not free (`EADDRINUSE`)
 * @example
 * ```ts
 * const server = await serveAutonomousApp(manager);
 * console.log(server.dashboardUrl);
 * ```
 */
export async function serveAutonomousApp(
  manager: Sessions,
  { token = nanoid(32), port = 4300, hostname = '127.0.0.1', ...options }: ServeOptions = {},
): Promise<AutonomousServer> {
  const everywhere = hostname === '0.0.0.0' || hostname === '::';
  const own = everywhere || LOOPBACK.includes(bracketed(hostname)) ? [] : [bracketed(hostname)];
  const hosts = [...(options.hosts ?? []), ...own];
  const app = createAutonomousApp(manager, { ...options, token, hosts });
  const { server, port: actual } = await listen(app.fetch, { port, hostname });
  let closed: Promise<void> | undefined;
  const url = `http://${everywhere ? '127.0.0.1' : bracketed(hostname)}:${actual}`;
  return {
    url,
    dashboardUrl: `${url}/#token=${encodeURIComponent(token)}`,
    token,
    close() {
      closed ??= closing(server);
      return closed;
    },
  };
}

/** An address in the notation of a URL: IPv6 in brackets. */
function bracketed(hostname: string): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
