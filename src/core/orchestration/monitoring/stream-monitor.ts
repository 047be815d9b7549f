import { type ModelPrices, priceProblem } from '../session/model-price.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { IsolatedEmitter } from '../util/isolated-emitter.js';
import { hasRealMonitorLog, injectedChannelCoder, type MonitorLogModule } from './injected.js';
import type { MonitorError, MonitorEvent, MonitoredSession, StreamMonitorEvents } from './monitor-events.js';
import { MonitoredLog } from './monitored-log.js';

export interface StreamMonitorOptions {
  /**
   * A ChannelCoder for unit tests, see `SessionManagerOptions.channelCoder`. With it, no log is read: its `monitorLog()` reports
   * the events. Default: the module `channelcoder`.
   */
  channelCoder?: MonitorLogModule;
  /** What models cost, see `SessionManagerOptions.prices`. */
  prices?: ModelPrices;
}

/**
 * Watches the logs of sessions and reports what their agents do, as typed events. It only reads: it decides about no tool call
 * and ends no session. A manager watches its own sessions with the same machinery, so you need this class only for a session
 * that no manager of yours has, for example one of another process.
 *
 * Like every watch of Node.js, it keeps the process alive until the cleanup function is called.
 *
 * @example
 * ```ts
 * const monitor = new StreamMonitor();
 * monitor.on('session:tool', ({ tool }) => console.log(tool.name, tool.input));
 * const cleanup = monitor.monitorSession(session);
 * ```
 */
export class StreamMonitor extends IsolatedEmitter<StreamMonitorEvents> {
  readonly #given: MonitorLogModule | undefined;
  readonly #prices: ModelPrices;

  /** @throws OrchestrationError `INVALID_OPTIONS` if a price is no price */
  constructor({ channelCoder, prices = {} }: StreamMonitorOptions = {}) {
    super();
    const problem = priceProblem(prices);
    if (problem) {
      const name = ['prices', ...problem.path].join('.');
      throw new OrchestrationError('INVALID_OPTIONS', `Option '${name}': ${problem.message}.`);
    }
    this.#prices = structuredClone(prices);
    this.#given = channelCoder;
  }

  /**
   * Begins to watch a session's log, from its beginning and through all its runs. If the log is missing, waits for it. The first
   * event comes after the call has returned. If the log cannot be read (it is a link, for example), emits `monitor-error` once.
   *
   * @returns the cleanup function. It stops at once, and no event follows. Further calls do nothing
   * @throws OrchestrationError `INVALID_OPTIONS` if the session has no `id` or `logFile`
   */
  monitorSession(session: MonitoredSession): () => void {
    const log = new MonitoredLog(required(session), this.#prices, () => reporting(this.#given), {
      onEvent: (event) => this.#report(event),
      onFailure: (failure) => this.#fail(failure),
    });
    return () => log.close();
  }

  #report(event: MonitorEvent): void {
    // TypeScript does not see that the name and the payload of an event belong together.
    this.emit(event.type, event as never);
    this.emit('event', event);
  }

  #fail(failure: MonitorError): void {
    if (this.emit('monitor-error', failure)) return;
    const { sessionId, error } = failure;
    process.emitWarning(`The log of session ${quote(sessionId)} cannot be read: ${messageOf(error)}`, 'MonitorError');
  }
}

/** The ChannelCoder that reports the events in place of the log. Undefined if the log is read. */
async function reporting(given: MonitorLogModule | undefined): Promise<MonitorLogModule | undefined> {
  const injected = await injectedChannelCoder(given, process.env);
  return injected && !(await hasRealMonitorLog(injected)) ? injected : undefined;
}

function required(session: MonitoredSession): MonitoredSession & { logFile: string } {
  const { id, logFile } = session ?? {};
  for (const [name, value] of Object.entries({ id, logFile })) {
    if (typeof value === 'string' && value !== '') continue;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `monitorSession(): the session has no '${name}'. Received ${quote(value)}. Give a record of a manager, or { id, logFile }.`,
    );
  }
  return { ...session, logFile: logFile ?? '' };
}
