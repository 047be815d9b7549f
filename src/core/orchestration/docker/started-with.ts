import type { Started } from '../contract/run-handle.js';
import type { DockerEngine } from './engine.js';

/**
 * Adds where the machine reaches the container's ports. The engine knows it when the container has started. If it cannot be asked,
 * the run goes on without: nothing depends on it but the record.
 */
export async function startedWith(
  engine: Pick<DockerEngine, 'inspect'>,
  start: Promise<Started | undefined>,
  publishes: boolean,
): Promise<Started | undefined> {
  const started = await start;
  if (!started?.containerId || !publishes) return started;
  const state = await engine.inspect(started.containerId).catch(() => undefined);
  return state && state.ports.length > 0 ? { ...started, ports: state.ports } : started;
}
