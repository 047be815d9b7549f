import type { ClassifiedError, ErrorSeverity } from './metadata.js';

/** An error as the log reports it. `request` is only for those who decide how a run has ended. */
type ObservedError = Omit<ClassifiedError, 'at' | 'nextStep'> & { readonly kind: 'error'; readonly request?: unknown };

interface CodeFacts {
  readonly severity: ErrorSeverity;
  /** What a person can do about it, if there is something. */
  readonly nextStep?: string;
  /**
   * Set if the problem stays until a person does something about it. It is then reported once in a run, however often the log
   * tells of it: `problem` if the code says it all, `message` if each message tells of another subject.
   */
  readonly once?: 'problem' | 'message';
}

/** The codes of the errors in a session's record. The severity follows from the code. docs/guide.md has the same list. */
export const ERROR_CODES = {
  auth: {
    severity: 'critical',
    nextStep:
      "Log in again (sessions in Docker: 'npx autonomous-orchestration image login'), or renew the key or token that the session gets, then continue the session. If the account or its organisation is disabled, only its administrator or the provider can help.",
  },
  unknown_model: {
    severity: 'critical',
    nextStep: "Use the id of a model that the session's account and provider have, in the option 'model'.",
  },
  spend_limit: {
    severity: 'critical',
    once: 'problem',
    nextStep:
      'Raise the limit, or add credits. Then release the queue (releaseQueue) if it is held for the account, and continue the session.',
  },
  context_full: {
    severity: 'critical',
    once: 'problem',
    nextStep: 'Continue the session with a fresh conversation: continue(id, feedback, { fresh: true }).',
  },
  guard_missing: {
    severity: 'critical',
    nextStep: "Change the settings that the session's error names, then continue the session.",
  },
  process_limit: {
    severity: 'critical',
    once: 'problem',
    nextStep:
      'Raise docker.pidsLimit (default 512), or let the agent start fewer processes at once. Without a container, the limit is that of the user on the machine (ulimit -u).',
  },
  out_of_memory: {
    severity: 'critical',
    nextStep: 'Raise docker.memory, or let the agent do less at once.',
  },
  disk_full: {
    severity: 'critical',
    once: 'problem',
    nextStep:
      "Free space on the disk of the workspace and of Docker's data (docker system df), then continue the session.",
  },
  permission_denied: {
    severity: 'critical',
    nextStep: "If the agent needs the file: let the container's user (docker.user) read or write it on the machine.",
  },
  worktree_incomplete: {
    severity: 'warning',
    once: 'message',
    nextStep: "Correct the patterns in 'worktree.copy' or .worktreeinclude, or make the files in the worktree.",
  },
  mcp_failed: {
    severity: 'warning',
    once: 'message',
    nextStep:
      "Check the server's entry in mcpConfig or .mcp.json, that its command is in the image, and that the container can reach its address and has its login. The run goes on without the server's tools.",
  },
  model_fallback: {
    severity: 'warning',
    once: 'message',
    nextStep: 'If only the first model will do: cancel the session, and create it again when that model is available.',
  },
  price_unknown: {
    severity: 'warning',
    once: 'message',
    nextStep: "Give the price in the manager's option 'prices', under the model's id.",
  },
  untested_release: {
    severity: 'warning',
    once: 'message',
    nextStep: 'Use a tested release in the image, or a newer release of this library.',
  },
  reset_past: {
    severity: 'warning',
    once: 'problem',
    nextStep:
      "Check the machine's clock. If it is right, the provider's time is out of date: the session tries again by itself, after longer and longer waits.",
  },
  rate_limit: {
    severity: 'warning',
    nextStep: 'Wait: a session that reached a usage limit is paused, and goes on by itself when the limit is reset.',
  },
  overage: {
    severity: 'warning',
    once: 'problem',
    nextStep: "Set the manager's option 'onOverage' if sessions are to wait or end instead.",
  },
  retry: { severity: 'warning' },
  denied: {
    severity: 'warning',
    nextStep: "If the agent needs the call: allow it in the session's policy and in the permissions of its settings.",
  },
  file_not_found: { severity: 'warning' },
  command_failed: { severity: 'warning' },
  tool_failed: { severity: 'warning' },
  api_error: { severity: 'warning' },
  no_conclusion: { severity: 'warning' },
  diagnostic: { severity: 'info' },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function severityOf(code: ErrorCode): ErrorSeverity {
  return ERROR_CODES[code].severity;
}

/** What is known about a code. Undefined for a code that an executor of the user's made up. */
export function factsOf(code: string): CodeFacts | undefined {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode] : undefined;
}

/** An error in the form in which the record and events contain it. */
export function classified(observation: ObservedError, at: number): ClassifiedError {
  const { kind: _, request: __, ...error } = observation;
  const nextStep = factsOf(error.code)?.nextStep;
  return { ...error, ...(nextStep !== undefined && { nextStep }), at };
}
