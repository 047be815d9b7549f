import type { Context, HonoRequest, MiddlewareHandler } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { cameInLocally } from './connection.js';

/** Names that always mean the machine itself. */
export const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };
const MOST_BODY_BYTES = 2 ** 20;

/** A name of the server, from the option `hosts`. */
interface KnownHost {
  readonly name: string;
  /** Absent if any port is accepted. */
  readonly port?: string;
  /** `http:` or `https:`. Absent if both are accepted. */
  readonly scheme?: string;
}

/**
 * Refuses requests for other server names, because somebody may have made such a name lead here (DNS rebinding). Also refuses
 * requests from the pages of other servers, because they may be forged (CSRF). Loopback names are accepted only for connections
 * from this machine.
 *
 * @param hosts further names that are accepted: `name` for any port, `name:port`, or an origin like `https://name`
 */
export function sameOriginOnly(hosts: readonly string[]): MiddlewareHandler {
  const named = hosts.map(knownHost);
  return createMiddleware(async (context, next) => {
    const host = (context.req.header('Host') ?? new URL(context.req.url).host).toLowerCase();
    const [name = '', port] = split(host);
    const asked = named.filter(
      (known) => known.name === name && [port ?? portOf(known), undefined].includes(known.port),
    );
    if (asked.length === 0 && !(LOOPBACK.includes(name) && cameInLocally(context))) {
      return context.json(notOurs(host), 421);
    }
    const origin = context.req.header('Origin');
    if (origin !== undefined) {
      if (!isOwn(origin, host, asked, context) && !isNamedOrigin(origin, named)) {
        return context.json({ success: false, error: `Requests from '${clip(origin)}' are refused.` }, 403);
      }
    } else if (isFromElsewhere(context.req)) {
      return context.json({ success: false, error: 'Requests from the page of another site are refused.' }, 403);
    }
    return next();
  });
}

function notOurs(host: string): object {
  const error =
    `The host '${clip(host)}' is not one of this server's, or was used from another machine; ` +
    `add it to 'hosts' if it is.`;
  return { success: false, error };
}

/** True if a page of this server asks: same name, same port, and the scheme under which the server is reached. */
function isOwn(origin: string, host: string, asked: readonly KnownHost[], context: Context): boolean {
  const page = parsed(origin);
  if (!page || page.host !== withPort(host, page.scheme)) return false;
  if (asked.length === 0) return page.scheme === new URL(context.req.url).protocol;
  // A proxy in front of a server that `hosts` names may add TLS.
  return asked.some(({ scheme = page.scheme }) => scheme === page.scheme);
}

/**
 * True if the page that asks has an origin that `hosts` names, or a name and a port that `hosts` names together. A proxy at
 * that origin may ask for this server by another name.
 */
function isNamedOrigin(origin: string, named: readonly KnownHost[]): boolean {
  const page = parsed(origin);
  return (
    page !== undefined &&
    named.some(
      ({ name, port, scheme }) =>
        port !== undefined && page.host === `${name}:${port}` && (scheme ?? page.scheme) === page.scheme,
    )
  );
}

/** An origin with its port. Undefined if the text is not an HTTP origin. */
function parsed(origin: string): { scheme: string; host: string } | undefined {
  try {
    const { protocol: scheme, host } = new URL(origin);
    return ['http:', 'https:'].includes(scheme) ? { scheme, host: withPort(host, scheme) } : undefined;
  } catch {
    return undefined;
  }
}

function knownHost(given: string): KnownHost {
  const origin = /^https?:\/\//i.test(given) ? parsed(given) : undefined;
  const [name = '', port] = split(origin?.host ?? given.toLowerCase());
  return { name, ...(port !== undefined && { port }), ...(origin && { scheme: origin.scheme }) };
}

/** The name and the port in `name:port`. */
function split(host: string): (string | undefined)[] {
  return /^(.*?)(?::(\d+))?$/.exec(host)?.slice(1) ?? [];
}

/** The port for a name without a port: the scheme's default. Undefined if the scheme is not known. */
function portOf({ scheme }: KnownHost): string | undefined {
  return scheme && DEFAULT_PORTS[scheme];
}

function withPort(host: string, scheme: string): string {
  const [name, port = DEFAULT_PORTS[scheme]] = split(host);
  return `${name}:${port}`;
}

/**
 * True if a page of another site asks without an `Origin` header, as it does for images and `no-cors` requests. Following a
 * link does not count.
 */
function isFromElsewhere(request: HonoRequest): boolean {
  const site = request.header('Sec-Fetch-Site');
  return (site === 'cross-site' || site === 'same-site') && request.header('Sec-Fetch-Mode') !== 'navigate';
}

/** Refuses requests without the token (`Authorization: Bearer …`). */
export function tokenNeeded(token: string): MiddlewareHandler {
  const refusal = { success: false, error: 'The token is missing or wrong: send it as Authorization: Bearer <token>.' };
  return bearerAuth({
    token,
    noAuthenticationHeader: { message: refusal },
    invalidAuthenticationHeader: { message: refusal },
    invalidToken: { message: refusal },
  });
}

/** Refuses bodies that are not JSON, and bodies that are larger than a megabyte. */
export const jsonOnly: MiddlewareHandler[] = [
  createMiddleware(async (context, next) => {
    const type = context.req.header('Content-Type')?.split(';')[0]?.trim().toLowerCase();
    if (type === 'application/json') return next();
    return context.json(
      { success: false, error: "The body has to be JSON, with 'Content-Type: application/json'." },
      415,
    );
  }),
  bodyLimit({
    maxSize: MOST_BODY_BYTES,
    onError: (context) =>
      context.json({ success: false, error: `The body is larger than ${MOST_BODY_BYTES} bytes.` }, 413),
  }),
];

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
