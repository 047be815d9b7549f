import type { DockerEngine } from './engine.js';
import type { EngineEvent, EngineEventStream } from './engine-events.js';

export interface ContainerListener {
  onStart(containerId: string): void;
  onDie(): void;
  /** The engine no longer reports events. Events since then may have been missed. */
  onSilence(): void;
}

/**
 * Reports when containers start and die. Uses one connection to the engine for all of them, from the first one to `close()`. While
 * nobody listens, the connection does not keep the process alive.
 */
export class ContainerWatch {
  readonly #engine: DockerEngine;
  readonly #label: string;
  readonly #listeners = new Map<string, ContainerListener>();
  #stream: Promise<EngineEventStream> | undefined;

  /** @param label selects the containers, as `key=value` */
  constructor(engine: DockerEngine, label: string) {
    this.#engine = engine;
    this.#label = label;
  }

  /**
   * Watches a container by name, before it exists. Resolves when no event can be missed any more, with a function that ends the
   * watch.
   */
  async watch(name: string, listener: ContainerListener): Promise<() => void> {
    this.#listeners.set(name, listener);
    const unwatch = (): void => {
      this.#listeners.delete(name);
      this.#keepAlive();
    };
    try {
      await this.#connect();
      this.#keepAlive();
    } catch (error) {
      unwatch();
      throw error;
    }
    return unwatch;
  }

  close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.then(({ end }) => end()).catch(() => {}); // A failed connection has nothing to close.
  }

  /** Lets the process end by itself if no container is watched. */
  #keepAlive(): void {
    this.#stream?.then((stream) => stream.keepAlive(this.#listeners.size > 0)).catch(() => {});
  }

  #connect(): Promise<EngineEventStream> {
    if (!this.#stream) {
      const stream = this.#engine.events(
        this.#label,
        (event) => this.#tell(event),
        () => {
          if (this.#stream === stream) this.#stream = undefined;
          for (const listener of [...this.#listeners.values()]) listener.onSilence();
        },
      );
      stream.catch(() => {
        if (this.#stream === stream) this.#stream = undefined;
      });
      this.#stream = stream;
    }
    return this.#stream;
  }

  #tell({ action, containerId, containerName }: EngineEvent): void {
    const listener = this.#listeners.get(containerName);
    if (action === 'start') listener?.onStart(containerId);
    else if (action === 'die') listener?.onDie();
  }
}
