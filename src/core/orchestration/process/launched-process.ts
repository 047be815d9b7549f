import type { ProcessIdentity } from './process-identity.js';

/** A process that was launched by this process of the library, or by an earlier one that is gone. It outlives this process. */
export interface LaunchedProcess {
  pid: number;
  /** Absent if the launched process ended before its identity could be read. */
  identity: ProcessIdentity | undefined;
  exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  /** True if the process id still belongs to the launched process. The id of a child always does. */
  isOurs(): Promise<boolean>;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}
