import type { Server } from 'node:http';
import type { Sessions } from '../../core/index.js';
import { LOOPBACK } from './access.js';
import { createAutonomousApp } from './app.js';
import { listen } from './node-server.js';
import { resolveServeOptions, type ServeOptions } from './options.js';

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
 * @throws OrchestrationError `INVALID_OPTIONS`, as `createAutonomousApp`; Node's error if the port is not free (`EADDRINUSE`)
 * @example
 * ```ts
 * const server = await serveAutonomousApp(manager);
 * console.log(server.dashboardUrl);
 * ```
 */
export async function serveAutonomousApp(manager: Sessions, options: ServeOptions = {}): Promise<AutonomousServer> {
  const { port, hostname, hosts, ...rest } = resolveServeOptions(options);
  const everywhere = hostname === '0.0.0.0' || hostname === '::';
  const own = everywhere || LOOPBACK.includes(bracketed(hostname)) ? [] : [bracketed(hostname)];
  const app = createAutonomousApp(manager, { ...rest, hosts: [...hosts, ...own] });
  const { token } = rest;
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
