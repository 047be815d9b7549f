import type { Context } from 'hono';

/** What the servers of Node (`@hono/node-server`) and Bun tell an app about a request's connection. */
interface ServerBindings {
  readonly incoming?: { readonly socket?: NodeSocket };
  readonly outgoing?: { destroy(): void };
  requestIP?(request: Request): { readonly address: string } | null;
}

interface NodeSocket {
  readonly destroyed: boolean;
  readonly remoteAddress?: string;
  readonly localAddress?: string;
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/i;

/**
 * True if a request came from this machine over its loopback interface. A header cannot show that, because the client writes
 * it. If the server tells nothing about its connections, they count as local. Such a server has to listen at a loopback
 * address.
 */
export function cameInLocally(context: Context): boolean {
  const { incoming, requestIP } = bindingsOf(context);
  const socket = incoming?.socket;
  if (socket) return !socket.destroyed && [socket.remoteAddress, socket.localAddress].every(isLocal);
  return requestIP === undefined || isLocal(requestIP.call(context.env, context.req.raw)?.address ?? 'nobody');
}

/** Ends the connection of a request. Returns false if the server does not let an app do that. */
export function cutConnection(context: Context): boolean {
  const { outgoing } = bindingsOf(context);
  outgoing?.destroy();
  return outgoing !== undefined;
}

function bindingsOf({ env }: Context): ServerBindings {
  return (env ?? {}) as ServerBindings;
}

/** A socket in the file system has no address, and is always local. */
function isLocal(address: string | undefined): boolean {
  return address === undefined || LOOPBACK.test(address);
}
