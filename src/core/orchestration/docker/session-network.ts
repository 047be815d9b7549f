import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { DockerEngine, EngineNetwork } from './engine.js';

/**
 * The name of the network of all sessions that name no other network (`docker.network`), if the engine accepts no name with a
 * colon.
 */
const PLAIN_NAME = 'autonomous-orchestration-sessions';
/**
 * Docker gives each container of a user-defined network a name server of its own. This costs each start some 45 ms (measured on
 * engine 20.10), and sessions have no use for it. If the network's name begins like this one, Docker gives no name server
 * (`NetworkMode.IsContainer` in moby's `BuildCreateEndpointOptions`), just as on its default bridge.
 */
const NAME = `container:${PLAIN_NAME}`;

const DRIVER = 'bridge';
const OPTIONS = {
  // Containers can reach the outside, but not each other.
  'com.docker.network.bridge.enable_icc': 'false',
};

/**
 * Makes sure that the engine has the network of the sessions. It is made once and stays, because making and removing a network
 * for each session would cost a third of a second (measured on engine 20.10).
 *
 * @returns the network's id; if two processes make the network at the same moment, there are two with that name, and all
 * processes use the older one
 * @throws OrchestrationError `LAUNCH_FAILED` if the network is not of the sessions' own kind, `DOCKER_UNAVAILABLE`
 */
export async function ensureSessionNetwork(engine: DockerEngine): Promise<string> {
  const found = await engine.networks([NAME, PLAIN_NAME]);
  const networks = found.length > 0 ? found : await made(engine);
  const network = networks.find(isSeparating);
  if (network) return network.id;
  const name = networks[0]?.name ?? NAME;
  throw new OrchestrationError(
    'LAUNCH_FAILED',
    `The Docker network '${name}' would let sessions reach each other. Remove it ('docker network rm ${name}'), and it is made anew, or name another one in docker.network. Podman cannot keep containers on a network apart: with Podman, name one ('bridge', 'none', or your own).`,
  );
}

/** Networks that are always there, and those that are named by a container or by an id. */
const NOT_LOOKED_FOR = /^(none|host|bridge|default|container:.*|[0-9a-f]{4,64})$/;

/**
 * The check of `docker.network` when a session is created. Without that option, the engine is not asked.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` if the engine has no such network, `DOCKER_UNAVAILABLE`
 */
export async function requireNetwork(
  engine: Pick<DockerEngine, 'networks'>,
  { network }: Readonly<Partial<DockerOptions>>,
): Promise<void> {
  if (network === undefined || NOT_LOOKED_FOR.test(network)) return;
  const found = await engine.networks([network]);
  if (found.length > 0) return;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `Option 'docker.network': the engine has no network ${quote(network)}. Make it ('docker network create ${network}'), or name another one ('docker network ls').`,
  );
}

async function made(engine: DockerEngine): Promise<EngineNetwork[]> {
  const make = (Name: string): Promise<void> =>
    engine.createNetwork({
      Name,
      Driver: DRIVER,
      Options: OPTIONS,
      Labels: { 'autonomous-orchestration.network': 'sessions' },
    });
  await make(NAME).catch(() => make(PLAIN_NAME));
  return engine.networks([NAME, PLAIN_NAME]);
}

function isSeparating({ driver, options }: EngineNetwork): boolean {
  return driver === DRIVER && Object.entries(OPTIONS).every(([name, value]) => options[name] === value);
}
