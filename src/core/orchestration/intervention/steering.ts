import { type Deferred, deferred } from '../deferred.js';

interface Message {
  readonly text: string;
  readonly handed: Deferred<boolean>;
}

/** What the user has to say to a running agent: each message is handed out once, in order. */
export class SteeringQueue {
  #waiting: Message[] = [];
  #ended = false;
  #onChange: (waiting: boolean) => void = () => {};

  /** Told whenever messages begin or cease to wait, so that a run without any need not ask. */
  set onChange(listener: (waiting: boolean) => void) {
    this.#onChange = listener;
    if (this.#waiting.length > 0) listener(true);
  }

  /** Resolves with true when the agent was given the message, with false when the run ended before. */
  push(text: string): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    const message: Message = { text, handed: deferred() };
    this.#waiting.push(message);
    if (this.#waiting.length === 1) this.#onChange(true);
    return message.handed.promise;
  }

  /** All that waits; it counts as handed to the agent. */
  take(): string[] {
    const taken = this.#waiting;
    this.#waiting = [];
    if (taken.length > 0) this.#onChange(false);
    for (const { handed } of taken) handed.resolve(true);
    return taken.map(({ text }) => text);
  }

  /** The run is over: what waits was never heard. */
  end(): void {
    this.#ended = true;
    for (const { handed } of this.#waiting) handed.resolve(false);
    this.#waiting = [];
  }
}
