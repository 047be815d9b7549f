import { createHash, randomUUID } from 'node:crypto';
import type { ApprovalSource } from '../session/denial.js';
import type { GuardRequest } from '../session/metadata.js';
import type { ToolCall } from '../session/policy.js';
import type { RunRecord } from '../session/run-record.js';
import { frozenMsSince } from '../session/run-time.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { type Deferred, deferred } from '../util/deferred.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { PausableClock } from '../util/pausable-clock.js';

/** How a person, or the lack of one, decided. */
export interface Answer {
  readonly decision: 'allow' | 'deny';
  readonly by: ApprovalSource;
  readonly note?: string;
}

/** For how many times the limit of one question the run's limits stand still while nobody answers. */
const MOST_SILENCE = 3;

interface Pending {
  readonly request: GuardRequest;
  readonly answer: Deferred<Answer>;
  /** When the time limit denies it, on the clock. */
  readonly due: number;
  readonly forget: () => void;
}

/** The tool calls of one run that wait for a person. Every one is answered exactly once. */
export class Approvals {
  readonly #pending = new Map<string, Pending>();
  readonly #clock = new PausableClock();
  readonly #record: RunRecord;
  readonly #timeoutMs: number;
  /** How long people were asked, on the clock, since one of them has answered; and when that was added to. */
  #silentMs = 0;
  #silentSince = 0;
  #ended: string | undefined;
  #detached = false;

  /** @param timeoutMs how long a person may take */
  constructor(record: RunRecord, timeoutMs: number) {
    this.#record = record;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether anybody is asked now. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /**
   * Whether the run's limits stand still for a person. They do not where nobody has answered for long: an agent can ask
   * about calls that it never makes, and would run for as long as it asks.
   */
  get holdsTime(): boolean {
    return this.waiting && this.#silentMs < MOST_SILENCE * this.#timeoutMs;
  }

  /**
   * Asks, and resolves with the answer.
   *
   * @param askedAt when an earlier host was asked, in epoch milliseconds: the time limit counts from then on, but for the
   * time in which the run was frozen
   */
  ask(call: ToolCall, askedAt = this.#now()): Promise<Answer> {
    const { toolUseId, tool, input, danger } = call;
    if (this.#ended !== undefined) return Promise.resolve({ decision: 'deny', by: 'end', note: this.#ended });
    if (this.#detached) return new Promise(() => {}); // The hook waits for whoever takes the run up again.
    const request: GuardRequest = {
      requestId: this.#requestId(call),
      toolUseId,
      tool,
      input: deepFrozen(structuredClone(input)),
      ...(danger && { danger }),
      askedAt,
      deadline: askedAt + this.#timeoutMs + frozenMsSince(this.#record.run, askedAt, this.#now()),
    };
    const { requestId } = request;
    const timeoutMs = Math.min(this.#timeoutMs, Math.max(0, request.deadline - this.#now()));
    const note = `Nobody answered within ${this.#timeoutMs / 1000} s.`;
    const forget = this.#clock.after(timeoutMs, () =>
      this.#answer(requestId, { decision: 'deny', by: 'timeout', note }),
    );
    const answer = deferred<Answer>();
    if (!this.waiting) this.#silentSince = this.#clock.now();
    this.#pending.set(requestId, { request, answer, due: this.#clock.now() + timeoutMs, forget });
    this.#record.dispatch({ type: 'asked', at: this.#now(), request });
    return answer.promise;
  }

  /**
   * A person's answer.
   *
   * @throws OrchestrationError `REQUEST_NOT_FOUND`
   */
  answer(requestId: string, decision: Answer['decision'], note: string | undefined): void {
    if (!this.#pending.has(requestId)) {
      const waiting = [...this.#pending.keys()].map((id) => `'${id}'`).join(', ') || 'none';
      throw new OrchestrationError(
        'REQUEST_NOT_FOUND',
        `No approval with the id ${quote(requestId)} waits (waiting: ${waiting}); it may have been answered already.`,
      );
    }
    this.#answer(requestId, { decision, by: 'person', ...(note !== undefined && { note }) });
  }

  /** The run is frozen: the time limits of its approvals stop. */
  pause(): void {
    this.#clock.stop();
  }

  /** The run goes on. @returns the new deadlines, by request */
  resume(): Map<string, number> {
    this.#clock.start();
    const left = this.#now() - this.#clock.now();
    return new Map([...this.#pending].map(([id, { due }]) => [id, Math.round(left + due)]));
  }

  /** Lets go of what waits: nobody is answered here any more. */
  detach(): void {
    this.#detached = true;
    this.#clock.clear();
  }

  /** Denies all that wait, and all that is asked from now on. */
  end(why: string): void {
    this.#ended ??= why;
    for (const requestId of [...this.#pending.keys()]) {
      this.#answer(requestId, { decision: 'deny', by: 'end', note: why });
    }
    this.#clock.clear();
  }

  #now(): number {
    return this.#record.clock.now();
  }

  /**
   * Derived from the call, so the id survives a takeover and a page that shows the approval can still answer it; random
   * where the same call waits already.
   */
  #requestId({ toolUseId, tool, input }: ToolCall): string {
    const id = createHash('sha256')
      .update(JSON.stringify([toolUseId, tool, input]))
      .digest('hex')
      .slice(0, 32);
    return this.#pending.has(id) ? randomUUID() : id;
  }

  #answer(requestId: string, answer: Answer): void {
    const pending = this.#pending.get(requestId);
    if (!pending) return;
    this.#pending.delete(requestId);
    pending.forget();
    const now = this.#clock.now();
    this.#silentMs = answer.by === 'person' ? 0 : this.#silentMs + now - this.#silentSince;
    this.#silentSince = now;
    this.#record.dispatch({ type: 'answered', at: this.#now(), request: pending.request, ...answer });
    pending.answer.resolve(answer);
  }
}
