import type { Slot } from '../queue/slot.js';
import type { RunRecord } from '../session/run-record.js';
import type { WaitingFor } from '../session/status.js';

/** More calls than the agent makes at once. There has to be a limit, because an agent can ask about calls that it never makes. */
const MOST_CALLS = 1_000;

/**
 * A run's hold on its slot. While the run has nothing to do, it gives the slot back, so that the sessions that it waits for can
 * run. Before the run goes on, it reclaims a slot, because no agent may work without a slot.
 */
export class SlotLease {
  readonly #slot: Slot;
  readonly #record: RunRecord;
  #resting: boolean;
  /** The slot that the run has asked for. Everything that wants to go on waits for this same slot. */
  #reclaimed: Promise<void> | undefined;
  /** How many commands of the agent's wait for children. */
  #waits = 0;
  /** Tool calls that the agent makes while its commands wait. The run does not rest before they have ended. */
  readonly #working = new Map<string, { readonly began: number }>();
  /**
   * Waiting `orchestrate` commands that were started inside a tool call, the oldest first. The log doesn't say which call
   * started which command, only that the call began first. The run may rest if there is a command for each call.
   */
  readonly #standing = new Set<{ readonly began: number }>();
  /** Counts calls and commands, to know which began first. */
  #begun = 0;

  /** @param waitingFor what the session already waits for, if its run is adopted */
  constructor(slot: Slot, record: RunRecord, waitingFor?: WaitingFor) {
    this.#slot = slot;
    this.#record = record;
    this.#resting = waitingFor !== undefined;
  }

  get resting(): boolean {
    return this.#resting;
  }

  /** Called when the agent has nothing more to do. Gives the slot back. */
  rest(waitingFor: 'person' | 'children'): void {
    if (this.#resting) return;
    // The agent's turn ends here. So all calls of the turn are over, even if the log has not reported their ends.
    if (waitingFor === 'person') this.#forgetCalls();
    if (!this.#record.dispatch({ type: 'resting', at: this.#record.clock.now(), waitingFor })) return;
    this.#resting = true;
    this.#slot.release(waitingFor);
  }

  /** Called when the agent has something to do again. Resolves when the session has a slot. */
  async wake(): Promise<void> {
    if (!this.#resting) return;
    const reclaimed = this.#reclaimed ?? (this.#slot.isHeld || this.#slot.reclaim());
    if (reclaimed === true) return this.#goOn();
    if (!this.#reclaimed) {
      this.#record.dispatch({ type: 'resting', at: this.#record.clock.now(), waitingFor: 'slot' });
    }
    this.#reclaimed = reclaimed;
    await reclaimed;
    if (this.#reclaimed !== reclaimed) return; // Another caller has waited for the same slot and has gone on.
    this.#reclaimed = undefined;
    this.#goOn();
  }

  /** Lets the run rest while one of the agent's commands waits for children. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#waits++;
    const command = { began: ++this.#begun };
    // While the run rests, its calls wait for the slot and have not begun, so none of them has started this command.
    if (!this.#resting && this.#standing.size < this.#working.size) this.#standing.add(command);
    this.#restAgain();
    try {
      return await wait();
    } finally {
      const goesOn = this.#standing.delete(command);
      this.#waits--;
      if (!this.#resting) this.#forgetIdly();
      if (goesOn || this.#waits === 0) await this.wake();
    }
  }

  /** Called when the agent wants to call a tool. Resolves when the session has a slot for the call. */
  async before(toolUseId: string): Promise<void> {
    if (!this.#resting && this.#waits === 0) return;
    this.#working.set(toolUseId, { began: ++this.#begun });
    const [oldest] = this.#working.keys();
    if (this.#working.size > MOST_CALLS && oldest !== undefined) this.#end(oldest);
    await this.wake();
  }

  /** Called when a tool call has ended. If the call interrupted a rest, the rest goes on. */
  after(toolUseId: string): void {
    if (this.#end(toolUseId)) this.#restAgain();
  }

  #end(toolUseId: string): boolean {
    const wasWorking = this.#working.delete(toolUseId);
    // If Claude Code has stopped a call, the command of the call may still wait. No other call has started that command.
    let calls = 0;
    for (const command of this.#standing) {
      const earlier = [...this.#working.values()].filter(({ began }) => began < command.began);
      if (earlier.length > calls) calls += 1;
      else this.#standing.delete(command);
    }
    return wasWorking;
  }

  /**
   * Forgets the calls if no command waits, because then they need not be known. Must not be called while the run rests, because
   * then its calls have not begun.
   */
  #forgetIdly(): void {
    if (this.#waits === 0) this.#forgetCalls();
  }

  #forgetCalls(): void {
    this.#working.clear();
    this.#standing.clear();
  }

  #goOn(): void {
    this.#resting = false;
    this.#forgetIdly();
    this.#record.dispatch({ type: 'woken', at: this.#record.clock.now() });
    this.#restAgain();
  }

  /** Two commands may wait at the same time. If one of them ends first, the run rests again for the other. */
  #restAgain(): void {
    if (this.#waits > 0 && this.#standing.size === this.#working.size) this.rest('children');
  }
}
