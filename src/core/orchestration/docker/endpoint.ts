import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OrchestrationError, quote } from '../util/errors.js';

/** The address of the engine, in the form that `node:http` takes. */
export type Endpoint =
  | { socketPath: string }
  | { host: string; port: number; tls?: { ca: string; cert: string; key: string } };

/** The address of the system's own engine. */
const DEFAULT_SOCKET = '/var/run/docker.sock';

/**
 * Finds the engine in the same way as the docker CLI: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT` or of the CLI's
 * configuration, else the default socket. The CLI launches the containers, so both have to use the same engine.
 *
 * @throws OrchestrationError `DOCKER_UNAVAILABLE` for an address that cannot be used (ssh, named pipes)
 */
export async function resolveEndpoint(env: NodeJS.ProcessEnv): Promise<Endpoint> {
  if (env.DOCKER_HOST) return parseHost(env.DOCKER_HOST, 'DOCKER_HOST', env);
  const folder = env.DOCKER_CONFIG ?? join(env.HOME ?? homedir(), '.docker');
  const context =
    env.DOCKER_CONTEXT ?? (await readJson<{ currentContext?: string }>(join(folder, 'config.json')))?.currentContext;
  if (!context || context === 'default') return { socketPath: DEFAULT_SOCKET };
  const id = createHash('sha256').update(context).digest('hex');
  const meta = await readJson<{ Endpoints?: { docker?: { Host?: string } } }>(
    join(folder, 'contexts', 'meta', id, 'meta.json'),
  );
  const host = meta?.Endpoints?.docker?.Host;
  if (!host)
    throw unusable(`The docker context ${quote(context)} names no engine; choose another with 'docker context use'.`);
  return parseHost(host, `docker context ${quote(context)}`, env);
}

async function parseHost(host: string, origin: string, env: NodeJS.ProcessEnv): Promise<Endpoint> {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const tcp = /^(?:tcp|https?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(host);
  if (!tcp?.[1]) {
    throw unusable(`${origin} is ${quote(host)}; only unix:// and tcp:// addresses can be used.`);
  }
  const name = tcp[1].replace(/^\[|\]$/g, '');
  if (!env.DOCKER_TLS_VERIFY) return { host: name, port: Number(tcp[2] ?? 2375) };
  const folder = env.DOCKER_CERT_PATH ?? join(env.HOME ?? homedir(), '.docker');
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFile(join(folder, file), 'utf8')),
  ).catch((cause: unknown) => {
    throw unusable(`DOCKER_TLS_VERIFY is set, but the certificates in ${folder} cannot be read.`, cause);
  });
  return { host: name, port: Number(tcp[2] ?? 2376), tls: { ca: ca ?? '', cert: cert ?? '', key: key ?? '' } };
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return undefined; // The CLI also treats an unreadable configuration as a missing one.
  }
}

function unusable(message: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('DOCKER_UNAVAILABLE', message, { cause });
}
