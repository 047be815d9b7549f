import type { AskedCall, Verdict } from '../session/policy.js';
/** What a run's hooks ask their host. */
export interface RunHooks {
  /** Before a tool call: resolves when it is decided. Never rejects. */
  beforeTool(call: AskedCall): Promise<Verdict>;
  /** After a tool call, with the input that it ran with. Never rejects. */
  afterTool(call: AskedCall): Promise<void>;
  /**
   * What the user has to say to the agent of this conversation by now; undefined where there is nothing.
   *
   * @param answer names what will carry it to the agent, so that another host can tell whether it did
   */
  takeMessages(conversationId: string, answer: string): Promise<Messages | undefined>;
  /** Told whenever messages begin or cease to wait, and at once where some wait already. */
  onMessages(listener: (waiting: boolean) => void): void;
  /** A person has typed something: resolves when the agent may begin with it. Never rejects. */
  beforeTurn(): Promise<void>;
  /** The agent has done what it was told, and waits for a person. */
  afterTurn(): Promise<void>;
  /**
   * Carries out a command of the agent's. Never rejects.
   *
   * @param id the same where another host is asked again
   * @param signal aborted when nobody waits for the answer any more
   */
  command(id: string, args: readonly string[], signal: AbortSignal): Promise<{ exitCode: number; text: string }>;
}

/** What the user says to a running agent. */
export interface Messages {
  readonly texts: readonly string[];
  /** To be called when the agent was given them. */
  given(): void;
  /** To be called where it could not be: they wait again. */
  returned(): void;
}
