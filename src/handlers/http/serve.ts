import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { nanoid } from 'nanoid';
import type { UnifiedSessionManager } from '../../core/index.js';
import { type AutonomousAppOptions, createAutonomousApp } from './app.js';

/** The app's options, of which the token may be left out, and where to listen. */
export interface ServeOptions extends Omit<AutonomousAppOptions, 'token'> {
  /** Default: a new one each time. */
  token?: string;
  /** Default 4300; 0 for any that is free. */
  port?: number;
  /**
   * The address to listen at. Default `127.0.0.1`: nobody but this machine. At `0.0.0.0` and `::`, which are all addresses,
   * only those that `hosts` names are answered besides the loopback.
   */
  hostname?: string;
}

/** A server that listens. */
export interface AutonomousServer {
  /** Where it is reached, without a slash at the end. */
  readonly url: string;
  /** The dashboard's address with the token: whoever opens it may act. The part behind `#` never leaves the browser. */
  readonly dashboardUrl: string;
  /** What was given, or made. */
  readonly token: string;
  /** Ends it and its connections; the manager goes on. */
  close(): Promise<void>;
}

/**
 * Serves {@link createAutonomousApp} with Node. Resolves when it listens.
 *
 * @throws OrchestrationError as `createAutonomousApp`; Node's error where the port cannot be had (`EADDRINUSE`)
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
  const hosts = [...(options.hosts ?? []), ...(everywhere ? [] : [bracketed(hostname)])];
  const app = createAutonomousApp(manager, { ...options, token, hosts });
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, port, hostname }, () => resolve(starting)) as Server;
    starting.once('error', reject);
  });
  let closed: Promise<void> | undefined;
  const { port: actual } = server.address() as AddressInfo;
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
