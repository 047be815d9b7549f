import type { HonoRequest, MiddlewareHandler } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const MOST_BODY_BYTES = 2 ** 20;

/**
 * Refuses requests that are not meant for this server, or come from a page of another one: names that were made to lead
 * here (DNS rebinding), and forged requests (CSRF).
 *
 * @param hosts what else than this machine's loopback names is accepted, `name` for any port or `name:port`
 */
export function sameOriginOnly(hosts: readonly string[]): MiddlewareHandler {
  const known = new Set([...LOOPBACK, ...hosts].map((host) => host.toLowerCase()));
  return createMiddleware(async (context, next) => {
    const host = (context.req.header('Host') ?? new URL(context.req.url).host).toLowerCase();
    if (!known.has(host) && !known.has(host.replace(/:\d+$/, ''))) {
      return context.json(
        { success: false, error: `The host '${clip(host)}' is not one of this server's; add it to 'hosts' if it is.` },
        421,
      );
    }
    const origin = context.req.header('Origin')?.toLowerCase();
    if (origin !== undefined) {
      const from = hostOf(origin);
      if (from !== host && !hosts.some((accepted) => accepted.toLowerCase() === from)) {
        return context.json({ success: false, error: `Requests from '${clip(origin)}' are refused.` }, 403);
      }
    } else if (isFromElsewhere(context.req)) {
      return context.json({ success: false, error: 'Requests from the page of another site are refused.' }, 403);
    }
    return next();
  });
}

/** Whether the page of another site asks without saying which, as images and `no-cors` requests do; following a link is none. */
function isFromElsewhere(request: HonoRequest): boolean {
  const site = request.header('Sec-Fetch-Site');
  return (site === 'cross-site' || site === 'same-site') && request.header('Sec-Fetch-Mode') !== 'navigate';
}

/** Takes the token, as `Authorization: Bearer …`. */
export function tokenNeeded(token: string): MiddlewareHandler {
  const refusal = { success: false, error: 'The token is missing or wrong: send it as Authorization: Bearer <token>.' };
  return bearerAuth({
    token,
    noAuthenticationHeader: { message: refusal },
    invalidAuthenticationHeader: { message: refusal },
    invalidToken: { message: refusal },
  });
}

/** Takes bodies of JSON, and none that are larger than a megabyte. */
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

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
