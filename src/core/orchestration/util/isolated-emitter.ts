import { EventEmitter } from 'eventemitter3';

import { messageOf } from './errors.js';

// biome-ignore lint/suspicious/noExplicitAny: listeners of any event are called alike
type Listener = (...args: any[]) => unknown;

/** A listener as it was registered. */
interface Registered {
  readonly listener: Listener;
  readonly context: unknown;
  readonly once: boolean;
}

/**
 * An emitter whose listeners can do no harm. If a listener throws or rejects, the error reaches neither the emitter nor the
 * other listeners. The first error of each listener is reported as `'listener-error'`, or as a process warning if nobody
 * listens for `'listener-error'`.
 */
export class IsolatedEmitter<Events extends EventEmitter.ValidEventTypes> extends EventEmitter<Events> {
  /**
   * The listeners of each event. They are called from here, and not by EventEmitter, which has them, too: a function around each
   * listener that catches its errors would take as long as the call. A list never changes, because it may be in use.
   */
  readonly #registered = new Map<unknown, readonly Registered[]>();
  readonly #reported = new WeakSet<Listener>();

  override on<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    super.on(event, listener, context);
    return this.#add(event, { listener, context: context ?? this, once: false });
  }

  override addListener<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  override once<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    super.once(event, listener, context);
    return this.#add(event, { listener, context: context ?? this, once: true });
  }

  override off<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener?: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    super.off(event, listener, context, once);
    const isKept = (registered: Registered): boolean =>
      registered.listener !== listener ||
      (once === true && !registered.once) ||
      (context !== undefined && registered.context !== context);
    const kept = listener ? (this.#registered.get(event) ?? []).filter(isKept) : [];
    if (kept.length > 0) this.#registered.set(event, kept);
    else this.#registered.delete(event);
    return this;
  }

  override removeListener<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener?: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  override removeAllListeners(event?: EventEmitter.EventNames<Events>): this {
    super.removeAllListeners(event);
    if (event === undefined) this.#registered.clear();
    else this.#registered.delete(event);
    return this;
  }

  override emit<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    ...args: EventEmitter.EventArgs<Events, Name>
  ): boolean {
    const all = this.#registered.get(event);
    if (!all) return false;
    for (const { listener, context, once } of all) {
      if (once) this.off(event, listener as EventEmitter.EventListener<Events, Name>, undefined, true);
      try {
        const answer = listener.apply(context, args);
        if (answer !== undefined && answer instanceof Promise)
          answer.catch((error: unknown) => this.#report(event, listener, error));
      } catch (error) {
        this.#report(event, listener, error);
      }
    }
    return true;
  }

  #add(event: unknown, registered: Registered): this {
    this.#registered.set(event, [...(this.#registered.get(event) ?? []), registered]);
    return this;
  }

  #report(event: unknown, listener: Listener, error: unknown): void {
    if (this.#reported.has(listener)) return;
    this.#reported.add(listener);
    const reports = this as unknown as EventEmitter<{ 'listener-error': [ListenerError] }>;
    if (event !== 'listener-error' && reports.listenerCount('listener-error') > 0) {
      reports.emit('listener-error', { event: String(event), error });
    } else {
      process.emitWarning(`A listener for '${String(event)}' failed: ${messageOf(error)}`, 'ListenerError');
    }
  }
}

/** The error that a listener threw (or rejected with). Reported once for each listener. */
export interface ListenerError {
  readonly event: string;
  readonly error: unknown;
}
