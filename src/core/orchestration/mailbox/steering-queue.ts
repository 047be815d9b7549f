import { rm } from 'node:fs/promises';
import { type Deferred, deferred } from '../util/deferred.js';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { notWritable } from '../util/fs/not-writable.js';
import { readOwnFile } from '../util/fs/own-file.js';
import { serialized } from '../util/serialized.js';

/** More than anybody says to one run. */
const MOST_BYTES = 64 * 1024 * 1024;

interface Message {
  readonly text: string;
  readonly handed: Deferred<boolean>;
  /** The answer that carries it to the agent. */
  answer?: string;
}

/** As it is on disk. */
type StoredMessage = Pick<Message, 'text' | 'answer'>;

/**
 * What the user has to say to a running agent: each message is handed out once, in order. It is on disk meanwhile, with
 * the answer that carries it, so that another host neither forgets nor repeats one.
 */
export class SteeringQueue {
  readonly #file: string;
  #messages: Message[] = [];
  #ended = false;
  #onChange: (waiting: boolean) => void = () => {};
  readonly #serialized = serialized();

  constructor(file: string) {
    this.#file = file;
  }

  /** Told whenever messages begin or cease to wait, so that a run without any need not ask. */
  set onChange(listener: (waiting: boolean) => void) {
    this.#onChange = listener;
    if (this.#isWaiting) listener(true);
  }

  /**
   * Takes over what an earlier host has left.
   *
   * @param wasGiven whether an answer was written
   */
  async restore(wasGiven: (answer: string) => Promise<boolean>): Promise<void> {
    const text = await readOwnFile(this.#file, { most: MOST_BYTES }).catch(() => '[]');
    for (const { text: message, answer } of parsed(text)) {
      if (answer !== undefined && (await wasGiven(answer))) continue;
      this.#messages.push({ text: message, handed: deferred() });
    }
    if (this.#isWaiting) this.#onChange(true);
  }

  /**
   * Resolves with true when the agent was given the message, with false when the run ended before.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async push(text: string): Promise<boolean> {
    if (this.#ended) return false;
    const message: Message = { text, handed: deferred() };
    this.#messages.push(message);
    try {
      await this.#save();
    } catch (error) {
      this.#messages = this.#messages.filter((other) => other !== message);
      throw notWritable(this.#file, error);
    }
    if (this.#isWaiting) this.#onChange(true);
    return message.handed.promise;
  }

  /** All messages that wait, to be handed over with an answer; `given` tells that it was, `returned` that it could not be. */
  async take(answer: string): Promise<{ texts: string[]; given: () => void; returned: () => void }> {
    const taken = this.#messages.filter((message) => message.answer === undefined);
    for (const message of taken) message.answer = answer;
    if (taken.length > 0) {
      this.#onChange(false);
      await this.#save().catch(() => {}); // At worst another host repeats it.
    }
    const given = (): void => {
      this.#messages = this.#messages.filter((message) => !taken.includes(message));
      for (const { handed } of taken) handed.resolve(true);
      void this.#save().catch(() => {}); // The answer itself tells another host.
    };
    const returned = (): void => {
      for (const message of taken) delete message.answer;
      if (this.#isWaiting) this.#onChange(true);
      void this.#save().catch(() => {}); // At worst another host repeats it.
    };
    return { texts: taken.map(({ text }) => text), given, returned };
  }

  /** The run is over, or goes on without us: what waits was not heard. */
  end(): void {
    this.#ended = true;
    for (const { handed } of this.#messages) handed.resolve(false);
    this.#messages = [];
  }

  get #isWaiting(): boolean {
    return this.#messages.some(({ answer }) => answer === undefined);
  }

  /** One after the other: the last word has to be the last on disk. */
  #save(): Promise<void> {
    return this.#serialized(async () => {
      if (this.#ended) return;
      const stored = this.#messages.map(({ text, answer }): StoredMessage => (answer ? { text, answer } : { text }));
      if (stored.length === 0) await rm(this.#file, { force: true });
      else await writeAtomically(this.#file, JSON.stringify(stored));
    });
  }
}

/** What cannot be read was never written whole. */
function parsed(text: string): StoredMessage[] {
  try {
    return JSON.parse(text) as StoredMessage[];
  } catch {
    return [];
  }
}
