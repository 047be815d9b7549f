import { EventEmitter } from 'eventemitter3';

import { messageOf } from './errors.js';

// biome-ignore lint/suspicious/noExplicitAny: listeners of any event are wrapped alike
type Listener = (...args: any[]) => unknown;

/**
 * An emitter whose listeners can do no harm. If a listener throws or rejects, the error reaches neither the emitter nor the
 * other listeners. The first error of each listener is reported as `'listener-error'`, or as a process warning if nobody
 * listens for `'listener-error'`.
 */
export class IsolatedEmitter<Events extends EventEmitter.ValidEventTypes> extends EventEmitter<Events> {
  /** listener → event → the wrapper that is registered in place of the listener */
  readonly #wrappers = new WeakMap<Listener, Map<unknown, Listener>>();
  readonly #reported = new WeakSet<Listener>();

  override on<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    return super.on(event, this.#isolated(event, listener), context);
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
    return super.once(event, this.#isolated(event, listener), context);
  }

  override off<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener?: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    const registered =
      listener && (this.#wrappers.get(listener as Listener)?.get(event) as typeof listener | undefined);
    return super.off(event, registered ?? listener, context, once);
  }

  override removeListener<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener?: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  #isolated<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
  ): EventEmitter.EventListener<Events, Name> {
    const call = listener as Listener;
    const wrappers = this.#wrappers.get(call) ?? new Map<unknown, Listener>();
    const known = wrappers.get(event);
    if (known) return known as EventEmitter.EventListener<Events, Name>;
    const report = (error: unknown): void => {
      if (this.#reported.has(call)) return;
      this.#reported.add(call);
      const reports = this as unknown as EventEmitter<{ 'listener-error': [ListenerError] }>;
      if (event !== 'listener-error' && reports.listenerCount('listener-error') > 0) {
        reports.emit('listener-error', { event: String(event), error });
      } else {
        process.emitWarning(`A listener for '${String(event)}' failed: ${messageOf(error)}`, 'ListenerError');
      }
    };
    function wrapper(this: unknown, ...args: unknown[]): void {
      try {
        const answer = call.apply(this, args);
        if (answer instanceof Promise) answer.catch(report);
      } catch (error) {
        report(error);
      }
    }
    this.#wrappers.set(call, wrappers.set(event, wrapper));
    return wrapper as EventEmitter.EventListener<Events, Name>;
  }
}

/** The error that a listener threw (or rejected with). Reported once for each listener. */
export interface ListenerError {
  readonly event: string;
  readonly error: unknown;
}
