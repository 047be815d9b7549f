import type { Server } from 'node:http';
import { nanoid } from 'nanoid';
import type { UnifiedSessionManager } from '../../core/index.js';
import { LOOPBACK } from './access.js';
import { type AutonomousAppOptions, createAutonomousApp } from './app.js';
import { listen } from './node-server.js';

/** The app's options, of which the token may be left out, and where to listen. */
export interface ServeOptions extends Omit<AutonomousAppOptions, 'token'> {
  /** Default: a new one each time. */
  token?: string;
  /** Default 4300; 0 for any that is free. */
  port?: number;
  /**
   * The address to listen at. Default `127.0.0.1`: nobody but this machine. At `0.0.0.0` and `::`, which are all addresses,
   * requests from other machines are answered only under the names in `hosts`.
   */
  hostname?: string;
}

/** A server that listens. */
export interface AutonomousServer {
  /** Where it is reached, without a slash at the end. */
  readonly url: string;
  /** The dashboard's address with the token. Opening it gives the right to act. The part behind `#` never leaves the browser. */
  readonly dashboardUrl: string;
  /** What was given, or made. */
  readonly token: string;
  /** Ends it and its connections; the manager goes on. */
  close(): Promise<void>;
}

/**
 * Serves {@link createAutonomousApp} with Node. Resolves when it listens. It takes 256 connections, and ends those that
 * need more than 10 seconds for the head of a request, 30 for a whole one, or do not read for two minutes.
 *
 * @throws OrchestrationError as `createAutonomousApp`; Node's error if the port is not free (`EADDRINUSE`)
 * @example
 * ```ts
 * const server = await serveAutonomousApp(manager);
 * console.log(server.dashboardUrl);
 * ```
 */
export async function serveAutonomousApp(
  manager: UnifiedSessionManager,
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

/** An address as it stands in a URL. */
function bracketed(hostname: string): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
