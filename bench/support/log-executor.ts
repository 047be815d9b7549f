import { BaseExecutor, type Preparation, type RunEnd, type RunHandle, type RunRequest } from 'autonomous-orchestration';

/** A run of which nothing is real but its log. */
export interface LogRun {
  /** Resolves at the end of the run. */
  readonly ended: Promise<RunEnd>;
  /** Default `false`. */
  readonly hooked?: boolean;
}

/**
 * Runs no container. The bench itself writes the session's log. Everything else is real: manager, queue, monitor, reducer,
 * registry, events. Calls are rated as those of an agent in a container.
 */
export class LogExecutor extends BaseExecutor {
  readonly #begin: (logFile: string, request: RunRequest) => Promise<LogRun>;

  /** @param begin makes the log, or lets another process write it; also called for a run that is taken over */
  constructor(begin: (logFile: string, request: RunRequest) => Promise<LogRun>) {
    super();
    this.#begin = begin;
  }

  async prepare({ cwd }: { cwd: string }): Promise<Preparation> {
    return { environment: { docker: false, dockerImage: '', cwd } };
  }

  override placeOf(): { workspace: string; container: boolean } {
    return { workspace: '/workspace', container: true };
  }

  async launch(request: RunRequest): Promise<RunHandle> {
    await request.onPlaced({});
    return this.adopt(request);
  }

  override async adopt(request: RunRequest): Promise<RunHandle> {
    return {
      started: Promise.resolve({}),
      ...(await this.#begin(request.folder.log, request)),
      stop: async () => {},
      detach: async () => {},
      release: async () => {},
    };
  }
}
