import { OrchestrationError } from '../errors.js';
import type { DockerEngine, EngineNetwork } from './engine.js';

/** The network of all sessions that name no other one (`docker.network`). */
const SESSION_NETWORK = 'autonomous-orchestration';

const DRIVER = 'bridge';
const OPTIONS = {
  // Containers reach the outside, and not each other.
  'com.docker.network.bridge.enable_icc': 'false',
};

/**
 * Makes sure that the engine has the network of the sessions. It is made once and stays: to make and remove one for each
 * session would cost a third of a second (measured on engine 20.10).
 *
 * @returns its id: where two processes make it at the same moment there are two of that name, and all take the older one
 * @throws OrchestrationError `LAUNCH_FAILED` where the network is not the sessions' own kind, `DOCKER_UNAVAILABLE`
 */
export async function ensureSessionNetwork(engine: DockerEngine): Promise<string> {
  const found = await engine.networks(SESSION_NETWORK);
  const networks = found.length > 0 ? found : await made(engine);
  const network = networks.find(isSeparating);
  if (network) return network.id;
  throw new OrchestrationError(
    'LAUNCH_FAILED',
    `The Docker network '${SESSION_NETWORK}' would let sessions reach each other. Remove it ('docker network rm ${SESSION_NETWORK}'), and it is made anew, or name another one in docker.network.`,
  );
}

async function made(engine: DockerEngine): Promise<EngineNetwork[]> {
  await engine.createNetwork({
    Name: SESSION_NETWORK,
    Driver: DRIVER,
    Options: OPTIONS,
    Labels: { 'autonomous-orchestration.network': 'sessions' },
  });
  return engine.networks(SESSION_NETWORK);
}

function isSeparating({ driver, options }: EngineNetwork): boolean {
  return driver === DRIVER && Object.entries(OPTIONS).every(([name, value]) => options[name] === value);
}
