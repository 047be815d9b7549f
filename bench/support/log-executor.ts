import { BaseExecutor, type Preparation, type RunEnd, type RunHandle, type RunRequest } from '../../src/index.js';

/**
 * Runs no container. The bench itself writes the session's log. Everything else is real: manager, queue, monitor, reducer,
 * registry, events.
 */
export class LogExecutor extends BaseExecutor {
  readonly #begin: (logFile: string) => Promise<{ ended: Promise<RunEnd> }>;

  /** @param begin makes the log, or lets another process write it; its `ended` resolves at the end of the run */
  constructor(begin: (logFile: string) => Promise<{ ended: Promise<RunEnd> }>) {
    super();
    this.#begin = begin;
  }

  async prepare({ cwd }: { cwd: string }): Promise<Preparation> {
    return { environment: { docker: false, dockerImage: '', cwd } };
  }

  async launch({ folder, onPlaced }: RunRequest): Promise<RunHandle> {
    await onPlaced({});
    const { ended } = await this.#begin(folder.log);
    return {
      started: Promise.resolve({}),
      ended,
      stop: async () => {},
      detach: async () => {},
      release: async () => {},
    };
  }
}
