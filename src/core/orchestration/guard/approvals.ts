import { createHash, randomUUID } from 'node:crypto';
import type { ApprovalSource } from '../session/denial.js';
import type { GuardRequest } from '../session/metadata.js';
import type { ToolCall } from '../session/policy.js';
import type { RunRecord } from '../session/run-record.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { type Deferred, deferred } from '../util/deferred.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { PersonRequests } from './person-requests.js';

/** The decision of a person, or the one that was made because no person answered. */
export interface Answer {
  readonly decision: 'allow' | 'deny';
  readonly by: ApprovalSource;
  readonly note?: string;
}

interface Pending {
  readonly request: GuardRequest;
  readonly answer: Deferred<Answer>;
}

/** The tool calls of one run that wait for a person. Each is answered exactly once. */
export class Approvals {
  readonly #pending = new Map<string, Pending>();
  readonly #record: RunRecord;
  readonly #requests: PersonRequests;

  /** @param requests what of this run waits for a person */
  constructor(record: RunRecord, requests: PersonRequests) {
    this.#record = record;
    this.#requests = requests;
  }

  /**
   * Asks a person, and resolves with the answer.
   *
   * @param askedAt when an earlier process was asked, in epoch milliseconds; the time limit counts from then on, without the
   * time in which the run was frozen
   */
  ask(call: ToolCall, askedAt = this.#now()): Promise<Answer> {
    const { toolUseId, tool, input, danger } = call;
    const requests = this.#requests;
    if (requests.ended !== undefined) return Promise.resolve({ decision: 'deny', by: 'end', note: requests.ended });
    if (requests.detached) return new Promise(() => {}); // The hook waits for the process that takes the run over.
    const request: GuardRequest = {
      requestId: this.#requestId(call),
      toolUseId,
      tool,
      input: deepFrozen(structuredClone(input)),
      ...(danger && { danger }),
      askedAt,
      deadline: requests.deadline(askedAt),
    };
    const { requestId } = request;
    const answer = deferred<Answer>();
    this.#pending.set(requestId, { request, answer });
    requests.add(requestId, request.deadline, (by, note) => this.#answer(requestId, { decision: 'deny', by, note }));
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
    this.#requests.take(requestId, 'person');
    this.#answer(requestId, { decision, by: 'person', ...(note !== undefined && { note }) });
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
    this.#record.dispatch({ type: 'answered', at: this.#now(), request: pending.request, ...answer });
    pending.answer.resolve(answer);
  }
}
