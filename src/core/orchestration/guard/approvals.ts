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

/** The decision of a person, or the one that was made because no person answered. */
export interface Answer {
  readonly decision: 'allow' | 'deny';
  readonly by: ApprovalSource;
  readonly note?: string;
}

/** If nobody answers, the run's limits stand still for this many times the time limit of one question. */
const MOST_SILENCE = 3;

interface Pending {
  readonly request: GuardRequest;
  readonly answer: Deferred<Answer>;
  /** When the time limit denies the call, on the run's pausable clock. */
  readonly due: number;
  readonly forget: () => void;
}

/** The tool calls of one run that wait for a person. Each is answered exactly once. */
export class Approvals {
  readonly #pending = new Map<string, Pending>();
  readonly #clock = new PausableClock();
  readonly #record: RunRecord;
  readonly #timeoutMs: number;
  /**
   * `#silentMs`: how long, on the clock, questions have been open since a person last answered. The next field says when this
   * was last updated.
   */
  #silentMs = 0;
  #silentSince = 0;
  #ended: string | undefined;
  #detached = false;

  /** @param timeoutMs how long a person may take */
  constructor(record: RunRecord, timeoutMs: number) {
    this.#record = record;
    this.#timeoutMs = timeoutMs;
  }

  /** True if a person is being asked now. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /**
   * True if the run's limits stand still while a person is asked. They do not stand still if nobody has answered for long. An
   * agent can ask about calls that it never makes, and would otherwise run for as long as it asks.
   */
  get holdsTime(): boolean {
    return this.waiting && this.#silentMs < MOST_SILENCE * this.#timeoutMs;
  }

  /**
   * Asks a person, and resolves with the answer.
   *
   * @param askedAt when an earlier process was asked, in epoch milliseconds; the time limit counts from then on, without the
   * time in which the run was frozen
   */
  ask(call: ToolCall, askedAt = this.#now()): Promise<Answer> {
    const { toolUseId, tool, input, danger } = call;
    if (this.#ended !== undefined) return Promise.resolve({ decision: 'deny', by: 'end', note: this.#ended });
    if (this.#detached) return new Promise(() => {}); // The hook waits for the process that takes the run over.
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
   * Gives a person's answer.
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

  /** The run is frozen. The time limits of its approvals stop. */
  pause(): void {
    this.#clock.stop();
  }

  /** The run goes on. @returns the new deadlines, by request */
  resume(): Map<string, number> {
    this.#clock.start();
    const left = this.#now() - this.#clock.now();
    return new Map([...this.#pending].map(([id, { due }]) => [id, Math.round(left + due)]));
  }

  /** Drops all waiting requests. This process no longer answers any. */
  detach(): void {
    this.#detached = true;
    this.#clock.clear();
  }

  /** Denies all waiting requests, and all later ones. */
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
   * The id is derived from the call. So the id survives a takeover, and a page that shows the approval can still answer it. If
   * the same call already waits, the id is random.
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
