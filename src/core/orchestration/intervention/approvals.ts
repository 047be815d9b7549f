import { createHash, randomUUID } from 'node:crypto';
import { deepFrozen } from '../deep-frozen.js';
import { type Deferred, deferred } from '../deferred.js';
import { OrchestrationError, shown } from '../errors.js';
import type { ApprovalSource, SessionAction } from '../session-actions.js';
import type { GuardRequest } from '../types.js';
import { PausableClock } from './pausable-clock.js';
import type { ToolCall } from './tool-policy.js';

/** How a person, or the lack of one, decided. */
export interface Answer {
  readonly decision: 'allow' | 'deny';
  readonly by: ApprovalSource;
  readonly note?: string;
}

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
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #dispatch: (action: SessionAction) => void;
  #ended: string | undefined;
  #detached = false;

  constructor(options: { timeoutMs: number; now: () => number; dispatch: (action: SessionAction) => void }) {
    this.#timeoutMs = options.timeoutMs;
    this.#now = options.now;
    this.#dispatch = options.dispatch;
  }

  /** Whether anybody is asked now. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /**
   * Asks, and resolves with the answer.
   *
   * @param askedAt when an earlier host was asked, in epoch milliseconds: the time limit counts from then on
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
      deadline: askedAt + this.#timeoutMs,
    };
    const { requestId } = request;
    const timeoutMs = Math.min(this.#timeoutMs, Math.max(0, request.deadline - this.#now()));
    const note = `Nobody answered within ${this.#timeoutMs / 1000} s.`;
    const forget = this.#clock.after(timeoutMs, () =>
      this.#answer(requestId, { decision: 'deny', by: 'timeout', note }),
    );
    const answer = deferred<Answer>();
    this.#pending.set(requestId, { request, answer, due: this.#clock.now() + timeoutMs, forget });
    this.#dispatch({ type: 'asked', at: this.#now(), request });
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
        `No approval with the id ${shown(requestId)} waits (waiting: ${waiting}); it may have been answered already.`,
      );
    }
    this.#answer(requestId, { decision, by: 'person', ...(note !== undefined && { note }) });
  }

  /** Nobody is at work: the time limits stop. */
  pause(): void {
    this.#clock.stop();
  }

  /** @returns the new deadlines, by request */
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

  /** The same for the same call, also under another host; a page that shows it need not be read again. */
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
    this.#dispatch({ type: 'answered', at: this.#now(), request: pending.request, ...answer });
    pending.answer.resolve(answer);
  }
}
