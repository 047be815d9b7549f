import { OrchestrationError } from '../errors.js';
import type { DockerEngine, EngineNetwork } from './engine.js';

/** The network of all sessions that name no other one (`docker.network`). */
export const SESSION_NETWORK = 'autonomous-orchestration';

const DRIVER = 'bridge';
const OPTIONS = {
  // Containers reach the outside, and not each other.
  'com.docker.network.bridge.enable_icc': 'false',
};

/**
 * Makes sure that the engine has the network of the sessions. It is made once and stays: to make and remove one for each
 * session would cost a third of a second (measured on engine 20.10).
 *
 * @throws OrchestrationError `LAUNCH_FAILED` where the network is not the sessions' own kind, `DOCKER_UNAVAILABLE`
 */
export async function ensureSessionNetwork(engine: DockerEngine): Promise<void> {
  const network = (await engine.network(SESSION_NETWORK)) ?? (await made(engine));
  if (network && isSeparating(network)) return;
  throw new OrchestrationError(
    'LAUNCH_FAILED',
    `The Docker network '${SESSION_NETWORK}' would let sessions reach each other. Remove it ('docker network rm ${SESSION_NETWORK}'), and it is made anew, or name another one in docker.network.`,
  );
}

async function made(engine: DockerEngine): Promise<EngineNetwork | undefined> {
  await engine.createNetwork({
    Name: SESSION_NETWORK,
    Driver: DRIVER,
    Options: OPTIONS,
    Labels: { 'autonomous-orchestration.network': 'sessions' },
  });
  // Another process may have made it at the same moment, in its own way.
  return engine.network(SESSION_NETWORK);
}

function isSeparating({ driver, options }: EngineNetwork): boolean {
  return driver === DRIVER && Object.entries(OPTIONS).every(([name, value]) => options[name] === value);
}
