import http from 'node:http';
import https from 'node:https';
import { messageOf, OrchestrationError, type OrchestrationErrorCode } from '../util/errors.js';
import type { Endpoint } from './endpoint.js';

/** If an engine does not answer within this time, we treat it as unavailable. */
const ANSWER_MS = 1_800;
/** How many idle connections are kept for later calls. Many starts at once open dozens, and the next calls come one by one. */
const MOST_IDLE = 4;

/** HTTP with an engine, over its socket or TLS. The meaning of the answers is not examined here. */
export class EngineConnection {
  readonly #endpoint: () => Promise<Endpoint>;
  readonly #agent = new http.Agent({ keepAlive: true, maxFreeSockets: MOST_IDLE });
  readonly #tlsAgent = new https.Agent({ keepAlive: true, maxFreeSockets: MOST_IDLE });

  constructor(endpoint: () => Promise<Endpoint>) {
    this.#endpoint = endpoint;
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
    this.#tlsAgent.destroy();
  }

  /** Sends a request and reads the whole answer. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  async call(
    method: string,
    path: string,
    body?: object,
    timeoutMs = ANSWER_MS,
  ): Promise<{ status: number; body: unknown }> {
    const { response } = await this.open(method, path, body, timeoutMs);
    const text = await textOf(response);
    const json = response.headers['content-type']?.includes('application/json') && text !== '';
    try {
      return { status: response.statusCode ?? 0, body: json ? JSON.parse(text) : text };
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Sends a request whose answer may go on. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  async open(
    method: string,
    path: string,
    body?: object,
    timeoutMs = ANSWER_MS,
  ): Promise<{ request: http.ClientRequest; response: http.IncomingMessage }> {
    const endpoint = await this.#endpoint();
    const tls = 'tls' in endpoint ? endpoint.tls : undefined;
    const payload = body && JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const options: https.RequestOptions = {
        ...('socketPath' in endpoint ? endpoint : { host: endpoint.host, port: endpoint.port, ...tls }),
        method,
        path,
        timeout: timeoutMs,
        headers: {
          host: 'docker',
          ...(payload !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
        },
      };
      const request = tls
        ? https.request({ ...options, agent: this.#tlsAgent })
        : http.request({ ...options, agent: this.#agent });
      request.on('response', (response) => resolve({ request, response }));
      request.on('error', (error) => reject(unavailable(error)));
      request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      request.end(payload);
    });
  }
}

/** The whole text of an answer. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
export async function textOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw unavailable(error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unavailable(cause: unknown): OrchestrationError {
  return new OrchestrationError(
    'DOCKER_UNAVAILABLE',
    `No Docker engine answers (${messageOf(cause)}). Start it, or set DOCKER_HOST to one that runs.`,
    { cause },
  );
}

/** The error for an answer with an unexpected status. */
export function refused(
  action: string,
  status: number,
  body: unknown,
  code: OrchestrationErrorCode = 'DOCKER_UNAVAILABLE',
): OrchestrationError {
  const why = (body as { message?: unknown } | null)?.message ?? body;
  return new OrchestrationError(code, `The Docker engine refused to ${action}: ${String(why)} (${status}).`);
}
