/**
 * Cancels sessions when their signals are aborted. Many sessions may share one signal, so each signal has only one listener.
 */
export class AbortSignals {
  readonly #cancel: (sessionId: string) => void;
  readonly #shared = new WeakMap<AbortSignal, { ids: Set<string>; abort: () => void }>();

  constructor(cancel: (sessionId: string) => void) {
    this.#cancel = cancel;
  }

  /** @param ended settles when the session no longer needs the signal */
  watch(sessionId: string, signal: AbortSignal, ended: Promise<unknown>): void {
    const shared = this.#shared.get(signal) ?? this.#listen(signal);
    shared.ids.add(sessionId);
    if (signal.aborted) this.#cancel(sessionId);
    const forget = (): void => {
      shared.ids.delete(sessionId);
      if (shared.ids.size > 0) return;
      this.#shared.delete(signal);
      signal.removeEventListener('abort', shared.abort);
    };
    ended.then(forget, forget);
  }

  #listen(signal: AbortSignal): { ids: Set<string>; abort: () => void } {
    const ids = new Set<string>();
    const abort = (): void => {
      for (const id of ids) this.#cancel(id);
    };
    const shared = { ids, abort };
    this.#shared.set(signal, shared);
    signal.addEventListener('abort', abort, { once: true });
    return shared;
  }
}
