import type { FileHandle } from 'node:fs/promises';

/** The open files that a launched process gets. */
export interface LaunchFiles {
  /** Its standard input. */
  readonly input: FileHandle;
  /** Its standard output and standard error. */
  readonly log: FileHandle;
}
