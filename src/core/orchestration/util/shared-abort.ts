/** Cancels sessions when their signals are aborted. One listener for all sessions of a signal: many may share it. */
export class AbortSignals {
  readonly #cancel: (sessionId: string) => void;
  readonly #shared = new WeakMap<AbortSignal, { ids: Set<string>; abort: () => void }>();

  constructor(cancel: (sessionId: string) => void) {
    this.#cancel = cancel;
  }

  /** @param ended settles when the session needs no signal any more */
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
