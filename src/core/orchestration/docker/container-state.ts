import type { PublishedPort } from '../session/container-options.js';
import { type PublishedBody, publishedPorts } from './published-ports.js';

/** The parts of the engine's answer about a container that matter here. */
export interface ContainerState {
  id: string;
  labels: Record<string, string>;
  running: boolean;
  /** True if its processes are frozen. */
  paused: boolean;
  /** True if the engine is removing the container, or failed to remove it. */
  removing: boolean;
  /** True if its command ever executed. */
  started: boolean;
  exitCode: number;
  oomKilled: boolean;
  /** The engine's own message about a container that could not be started. */
  error: string;
  /** Where the machine reaches the container's ports. Empty while it does not run. */
  ports: readonly PublishedPort[];
}

/** A container as the engine describes it. */
export interface ContainerBody {
  Id: string;
  State: Record<string, unknown>;
  Config?: { Labels?: Record<string, string> | null };
  NetworkSettings?: PublishedBody;
}

export function containerState({ Id, State, Config, NetworkSettings }: ContainerBody): ContainerState {
  return {
    id: Id,
    labels: Config?.Labels ?? {},
    running: State.Running === true,
    paused: State.Paused === true,
    removing: State.Status === 'removing' || State.Dead === true,
    started: typeof State.StartedAt === 'string' && !State.StartedAt.startsWith('0001-'),
    exitCode: Number(State.ExitCode),
    oomKilled: State.OOMKilled === true,
    error: String(State.Error ?? ''),
    ports: publishedPorts(NetworkSettings),
  };
}
