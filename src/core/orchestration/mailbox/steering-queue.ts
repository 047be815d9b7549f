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
  /** The name of the answer that carries the message to the agent. */
  answer?: string;
}

/** A message in the form in which it is on disk. */
type StoredMessage = Pick<Message, 'text' | 'answer'>;

/**
 * The messages from the user to a running agent. Each is handed out once, in order. Until then it is on disk, together with the
 * name of the answer that carries it. So a later process neither forgets nor repeats a message.
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

  /** Called whenever messages begin or cease to wait, so that the hooks of a run without messages need not ask. */
  set onChange(listener: (waiting: boolean) => void) {
    this.#onChange = listener;
    if (this.#isWaiting) listener(true);
  }

  /**
   * Takes over the messages that an earlier process has left.
   *
   * @param wasGiven tells if an answer was written
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
   * Resolves with true when the agent was given the message, or with false if the run ended before that.
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

  /**
   * Takes all waiting messages, to hand them over with an answer. Call `given` when the answer was written, or `returned` if it
   * could not be.
   */
  async take(answer: string): Promise<{ texts: string[]; given: () => void; returned: () => void }> {
    const taken = this.#messages.filter((message) => message.answer === undefined);
    for (const message of taken) message.answer = answer;
    if (taken.length > 0) {
      this.#onChange(false);
      await this.#save().catch(() => {}); // If this fails: at worst a later process repeats the message.
    }
    const given = (): void => {
      this.#messages = this.#messages.filter((message) => !taken.includes(message));
      for (const { handed } of taken) handed.resolve(true);
      void this.#save().catch(() => {}); // If this fails: the answer itself tells a later process that the message was given.
    };
    const returned = (): void => {
      for (const message of taken) delete message.answer;
      if (this.#isWaiting) this.#onChange(true);
      void this.#save().catch(() => {}); // If this fails: at worst a later process repeats the message.
    };
    return { texts: taken.map(({ text }) => text), given, returned };
  }

  /** The run is over, or goes on without this process. Messages that still wait were not received. */
  end(): void {
    this.#ended = true;
    for (const { handed } of this.#messages) handed.resolve(false);
    this.#messages = [];
  }

  get #isWaiting(): boolean {
    return this.#messages.some(({ answer }) => answer === undefined);
  }

  /** Saves one after the other, because the latest state has to be the last on disk. */
  #save(): Promise<void> {
    return this.#serialized(async () => {
      if (this.#ended) return;
      const stored = this.#messages.map(({ text, answer }): StoredMessage => (answer ? { text, answer } : { text }));
      if (stored.length === 0) await rm(this.#file, { force: true });
      else await writeAtomically(this.#file, JSON.stringify(stored));
    });
  }
}

/** A file that cannot be parsed was never completely written. */
function parsed(text: string): StoredMessage[] {
  try {
    return JSON.parse(text) as StoredMessage[];
  } catch {
    return [];
  }
}
