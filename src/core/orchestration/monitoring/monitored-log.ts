import { lstatSync } from 'node:fs';
import { type AgentPlace, placeIn, WORKSPACE } from '../session/agent-place.js';
import { emptyMetadata, observe } from '../session/metadata-reducer.js';
import type { ModelPrices } from '../session/model-price.js';
import type { Observation } from '../session/observation.js';
import { observedEvents } from '../session/observed-events.js';
import type { ObservedSession } from '../session/record-draft.js';
import { terminalConversation } from '../session/terminal-conversation.js';
import { type Clock, SYSTEM_CLOCK } from '../util/clock.js';
import { openWhenThere } from '../util/fs/file-appears.js';
import type { MonitorLogModule } from './injected.js';
import { InjectedSource } from './injected-source.js';
import { LogMonitor, type LogMonitorOptions } from './log-monitor.js';
import type { OpenLogSource } from './log-source.js';
import type { MonitorError, MonitorEvent, MonitoredSession } from './monitor-events.js';

export interface MonitoredLogListener {
  onEvent(event: MonitorEvent): void;
  /** Called at most once. No event follows. */
  onFailure(failure: MonitorError): void;
}

type Rules = typeof import('../../../danger/index.js');

/** What an agent does after a result belongs to the next run. */
const ACTIVITY: ReadonlySet<Observation['kind']> = new Set(['message', 'prompt', 'tool', 'usage']);

/** The log of one session that a `StreamMonitor` watches: waits for it, reads it, and turns observations into events. */
export class MonitoredLog {
  readonly #session: MonitoredSession & { readonly logFile: string };
  readonly #prices: ModelPrices;
  readonly #reporting: () => Promise<MonitorLogModule | undefined>;
  readonly #listener: MonitoredLogListener;
  readonly #clock: Clock;
  readonly #place: AgentPlace;
  readonly #closing = new AbortController();
  #rules: Rules | undefined;
  #log: LogMonitor | undefined;
  /** True while we read what the log held before it was monitored. */
  #replaying = false;
  #known: ObservedSession = { runs: [], metadata: emptyMetadata() };
  #hasResult = false;

  /**
   * @param prices the user's own
   * @param reporting finds the ChannelCoder that reports the events in place of the log
   */
  constructor(
    session: MonitoredSession & { readonly logFile: string },
    prices: ModelPrices,
    reporting: () => Promise<MonitorLogModule | undefined>,
    listener: MonitoredLogListener,
    clock: Clock = SYSTEM_CLOCK,
  ) {
    this.#session = session;
    this.#prices = prices;
    this.#reporting = reporting;
    this.#listener = listener;
    this.#clock = clock;
    const { environment } = session;
    this.#place = environment ? placeIn(environment) : { workspace: WORKSPACE, container: true };
    this.#begin().catch((error: unknown) => this.#fail(error));
  }

  /** Stops at once. */
  close(): void {
    this.#closing.abort();
    this.#log?.stop();
  }

  async #begin(): Promise<void> {
    const { logFile } = this.#session;
    const { signal } = this.#closing;
    // If the log is missing now, everything that will be in it is new.
    const isThere = lstatSync(logFile, { throwIfNoEntry: false }) !== undefined;
    const channelCoder = await this.#reporting();
    this.#replaying = !channelCoder && isThere;
    // As in a manager, the rules that rate tool calls are loaded only when they are needed.
    this.#rules = await import('../../../danger/index.js');
    if (signal.aborted) return;
    const log = channelCoder
      ? await this.#open(InjectedSource.opening(watching(channelCoder, logFile)))
      : await openWhenThere(logFile, () => this.#open(), signal);
    this.#log = log;
    if (signal.aborted) log?.stop();
    await log?.caughtUp;
    this.#replaying = false;
  }

  #open(source?: OpenLogSource): Promise<LogMonitor> {
    const { id, logFile, mode } = this.#session;
    const options: LogMonitorOptions = {
      logFile,
      offset: 0,
      prices: this.#prices,
      ...(mode === 'interactive' && { conversationId: terminalConversation(id) }),
      onObservations: (observations) => this.#observe(observations),
    };
    return LogMonitor.start(options, source);
  }

  #observe(observations: readonly Observation[]): void {
    if (this.#closing.signal.aborted) return;
    try {
      for (const event of this.#eventsOf(this.#rated(observations))) {
        // A listener may have called the cleanup function.
        if (!this.#closing.signal.aborted) this.#listener.onEvent(event);
      }
    } catch (error) {
      this.#fail(error); // Thrown further, it would end the process, because nobody awaits the reading of a log.
    }
  }

  #eventsOf(observations: readonly Observation[]): MonitorEvent[] {
    if (this.#hasResult && observations.some(({ kind }) => ACTIVITY.has(kind))) {
      this.#hasResult = false;
      const { runs } = this.#known;
      this.#known = { ...this.#known, runs: [...runs, { number: runs.length + 1 }] };
    }
    const at = this.#clock.now();
    const before = this.#known.metadata;
    const replayed = this.#replaying ? ({ replayed: true } as const) : {};
    const seen = { at, observations, ...replayed };
    this.#known = observe(this.#known, seen);
    const { metadata } = this.#known;
    const base = { sessionId: this.#session.id, at, metadata, ...replayed };
    const events: MonitorEvent[] = observedEvents(seen, before).map((event) => ({ ...event, ...base }));
    const { tokens, costUsd } = metadata;
    if (tokens !== before.tokens || costUsd !== before.costUsd) {
      const spent = { ...(tokens && { tokens }), ...(costUsd !== undefined && { costUsd }) };
      events.push({ type: 'session:usage', ...spent, ...base });
    }
    for (const { kind, ...result } of observations.filter((observation) => observation.kind === 'result')) {
      this.#hasResult = true;
      events.push({ type: 'session:result', result, ...base });
    }
    return events;
  }

  /** Adds how dangerous the tool calls are. The calls of a line are rated together: all of them may take as much work as one. */
  #rated(observations: readonly Observation[]): readonly Observation[] {
    const tools = observations.filter((observation) => observation.kind === 'tool');
    if (tools.length === 0 || !this.#rules) return observations;
    const calls = tools.map(({ name: tool, input }) => ({ tool, input }));
    const dangers = this.#rules.rateDangers(calls, this.#place);
    const dangerOf = new Map<Observation, (typeof dangers)[number]>(tools.map((tool, index) => [tool, dangers[index]]));
    return observations.map((observation) => {
      const danger = dangerOf.get(observation);
      return danger && observation.kind === 'tool'
        ? { ...observation, danger: Object.freeze({ ...danger }) }
        : observation;
    });
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.close();
    const { id: sessionId, logFile } = this.#session;
    this.#listener.onFailure({ sessionId, logFile, error });
  }
}

function watching(channelCoder: MonitorLogModule, logFile: string): (onEvent: (event: object) => void) => () => void {
  return (onEvent) => {
    const stop = channelCoder.monitorLog(logFile, onEvent);
    return () => {
      if (typeof stop === 'function') stop();
    };
  };
}
