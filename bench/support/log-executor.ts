import { BaseExecutor, type Preparation, type RunEnd, type RunHandle, type RunRequest } from '../../src/index.js';

/**
 * Runs nothing: the log of a session is somebody else's work. All of a session but its container is real: manager,
 * queue, monitor, reducer, registry, events.
 */
export class LogExecutor extends BaseExecutor {
  readonly #begin: (logFile: string) => Promise<{ ended: Promise<RunEnd> }>;

  /** @param begin makes the log, or has it written to; `ended` is the end of the run */
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
