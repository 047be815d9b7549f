import type { LogEvent, LogListener, LogSource, OpenLogSource } from './log-source.js';

/** Reports the events of an injected ChannelCoder. No log is read, because a fake need not write one. */
export class InjectedSource implements LogSource {
  readonly caughtUp = Promise.resolve();
  #stop: (() => void) | undefined;
  #closed = false;

  /** @param watch begins to report, and returns a function that ends it */
  static opening(watch: (onEvent: (event: object) => void) => () => void): OpenLogSource {
    return async (_path, _place, listener) => new InjectedSource(watch, listener);
  }

  private constructor(watch: (onEvent: (event: object) => void) => () => void, listener: LogListener) {
    this.#stop = watch((event) => {
      if (!this.#closed) listener.onEvent(completed(event) as LogEvent, true);
    });
  }

  async drain(): Promise<void> {
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop?.();
  }
}

/** A `result` that was written by hand may leave out the `subtype`, which Claude always writes. */
function completed(event: object): object {
  const { type, subtype, is_error } = event as Record<string, unknown>;
  if (type !== 'result' || subtype !== undefined) return event;
  return { ...event, subtype: is_error === true ? 'error_during_execution' : 'success' };
}
