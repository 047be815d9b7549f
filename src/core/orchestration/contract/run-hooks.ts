import type { AskedCall, Verdict } from '../session/policy.js';
/** The requests from a run's hooks to the process. */
export interface RunHooks {
  /** Before a tool call. Resolves when the call is decided. Never rejects. */
  beforeTool(call: AskedCall): Promise<Verdict>;
  /** After a tool call, with the input that it ran with. Never rejects. */
  afterTool(call: AskedCall): Promise<void>;
  /**
   * The messages from the user that wait for the agent of this conversation. Undefined if there are none.
   *
   * @param answer the name of the answer that will carry the messages to the agent, so that a later process can tell if it did
   */
  takeMessages(conversationId: string, answer: string): Promise<Messages | undefined>;
  /** Calls the listener whenever messages begin or cease to wait, and at once if some already wait. */
  onMessages(listener: (waiting: boolean) => void): void;
  /** A person has typed something. Resolves when the agent may begin to work on it. Never rejects. */
  beforeTurn(): Promise<void>;
  /** The agent has done what it was told, and waits for a person. */
  afterTurn(): Promise<void>;
  /**
   * Carries out a command of the agent's. Never rejects.
   *
   * @param id stays the same if a later process is asked again
   * @param signal aborted when nobody waits for the answer any more
   */
  command(id: string, args: readonly string[], signal: AbortSignal): Promise<{ exitCode: number; text: string }>;
}

/** What the user says to a running agent. */
export interface Messages {
  readonly texts: readonly string[];
  /** Call this when the agent was given the messages. */
  given(): void;
  /** Call this if the messages could not be given to the agent. They then wait again. */
  returned(): void;
}
