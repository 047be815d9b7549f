import type { LeaderEffects } from '../family/leader-effects.js';
import { NO_TOKENS, totalTokens } from '../session/observation.js';
import type { Outcome } from '../session/outcome.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { defined } from '../util/defined.js';
import { afterRun } from './after-run.js';
import type { LiveSessions } from './live-sessions.js';
import type { SessionQueue } from './session-queue.js';
import { UsageLimits } from './usage-limit.js';

/** The feedback for a session that goes on by itself. */
const GO_ON = 'Continue from where you left off.';

export interface RunEndsOptions {
  store: SessionStore;
  live: LiveSessions;
  clock: Clock;
  queue: SessionQueue;
  effects: LeaderEffects;
  /** Begins a run of a session that has a slot. */
  start: (id: string) => void;
}

/** Carries out what follows the end of a run: the session ends, waits, or goes on. */
export class RunEnds {
  readonly #options: RunEndsOptions;
  readonly #usageLimits: UsageLimits;

  constructor(options: RunEndsOptions) {
    this.#options = options;
    this.#usageLimits = new UsageLimits(() => options.clock.now());
  }

  /** Called when a run is over. */
  finish(id: string, outcome: Outcome): void {
    const { live, store } = this.#options;
    const session = store.registry.require(id);
    const ended = live.require(id);
    const feedback = ended.run?.continuing;
    ended.run = undefined;
    const { exitCode } = outcome.result;
    const next = afterRun(session, outcome, feedback);
    if (next.kind === 'go-on')
      this.goOn(id, next.feedback, {
        exitCode,
        fresh: session.runs.at(-1)?.stop?.fresh,
        commandId: session.runs.at(-1)?.stop?.commandId,
        outputRetry: next.outputRetry,
      });
    else if (next.kind === 'wait') this.#suspend(session, next.resetsAt, exitCode);
    else this.#end(session, outcome);
  }

  /** Adds a run to a session that has not ended. The session has kept its slot, unless it had given the slot back. */
  goOn(
    id: string,
    feedback = GO_ON,
    known: {
      exitCode?: number | undefined;
      commandId?: string | undefined;
      fresh?: true | undefined;
      outputRetry?: number | undefined;
    } = {},
  ): UnifiedSession {
    const { live, queue, store, clock, start } = this.#options;
    this.forgetWait(id);
    live.require(id).feedback = feedback;
    const admission = queue.readmit(id);
    const next = store.dispatch(id, {
      type: 'continued',
      at: clock.now(),
      feedback,
      ...(admission.status === 'queued' && { queuePosition: admission.position }),
      // A run that only goes on where the last one stopped does not begin a new count.
      ...defined(feedback === GO_ON ? { outputRetry: store.registry.get(id)?.runs.at(-1)?.outputRetry } : {}),
      ...defined(known),
    });
    if (admission.status === 'starting') start(id);
    else queue.changed(id);
    return next;
  }

  /** Continues the wait of a session that an earlier manager had. */
  restoreWait(id: string, resumeAt: number): void {
    this.#usageLimits.restore(id, resumeAt, () => this.goOn(id));
  }

  /** Called when a session that waits no longer does. */
  forgetWait(id: string): void {
    this.#usageLimits.forget(id);
  }

  /** From now on, no session that waits goes on by itself. */
  close(): void {
    this.#usageLimits.close();
  }

  /** Lets a session wait, in its slot, until the provider allows more requests. */
  #suspend({ id, metadata }: UnifiedSession, resetsAt: number | undefined, exitCode: number | undefined): void {
    const { store, clock } = this.#options;
    const tokens = totalTokens(metadata.tokens ?? NO_TOKENS);
    const resumeAt = this.#usageLimits.wait(id, tokens, resetsAt, () => this.goOn(id));
    const at = clock.now();
    store.dispatch(id, { type: 'suspended', at, resumeAt, ...(exitCode !== undefined && { exitCode }) });
  }

  #end({ id, runs }: UnifiedSession, { status, result, usageLimit }: Outcome): void {
    const { store, clock, queue, effects } = this.#options;
    // The session may have been told to end after its run was over.
    const stop = usageLimit && runs.at(-1)?.stop;
    this.#usageLimits.settle(id);
    const ended = store.dispatch(id, {
      type: 'ended',
      at: clock.now(),
      status: stop?.status ?? status,
      result: stop ? { ...result, reason: stop.reason, error: stop.error } : result,
    });
    queue.leave(id);
    void effects.ended(ended);
  }
}
