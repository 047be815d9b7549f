import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { messageOf, OrchestrationError } from '../util/errors.js';
import { openOwnFile } from '../util/fs/own-file.js';
import { type ProcessIdentity, processIdentity } from './process-identity.js';

/** The function that starts processes: `spawn` of `node:child_process`, unless a test passes another one. */
export type SpawnProcess = (command: string, args: string[], options: SpawnOptions) => ChildProcess;

export interface LaunchOptions {
  command: string;
  args: readonly string[];
  /** The working folder on the machine. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** The log in this folder gets the standard output and standard error of the launched process. */
  folder: { openLog(): Promise<FileHandle> };
  /** The standard input of the launched process. */
  inputFile: string;
  /**
   * The maximum length of a file that the launched process writes, in bytes. If a file gets that long, the system ends the
   * process (SIGXFSZ). So the log does not fill the disk, even while no process of the library watches it. Default: any length.
   */
  mostFileBytes?: number;
}

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

/**
 * Launches the one process that must outlive ours. Its standard input and its log are files, not pipes to us. It leads a
 * process group of its own, which a signal to ours does not reach.
 *
 * @throws OrchestrationError `LAUNCH_FAILED`, `STATE_NOT_WRITABLE`
 */
export async function launchDetached(spawn: SpawnProcess, options: LaunchOptions): Promise<LaunchedProcess> {
  const { command, cwd, env, folder, inputFile } = options;
  const input = await openOwnFile(inputFile);
  try {
    const log = await folder.openLog();
    try {
      const stdio = [input.fd, log.fd, log.fd];
      const [program, words] = limited(options);
      const child = spawn(program, words, { cwd, env, detached: true, stdio });
      const exited = new Promise<ProcessExit>((resolve) =>
        child.once('exit', (code, signal) => resolve({ code, signal })),
      );
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.on('error', () => {}); // After the spawn, only a failing kill() emits 'error', for a process that is already gone.
      child.unref();
      if (child.pid === undefined) throw new Error('it has no process id');
      // Without the identity, the run can still be followed to its end.
      const identity = await processIdentity(child.pid).catch(() => undefined);
      return {
        pid: child.pid,
        identity,
        exited,
        kill: (signal) => void child.kill(signal),
        isOurs: async () => true,
      };
    } finally {
      await log.close();
    }
  } catch (cause) {
    if (cause instanceof OrchestrationError) throw cause;
    throw new OrchestrationError(
      'LAUNCH_FAILED',
      `'${command}' could not be started (${messageOf(cause)}). Check that it is installed and on the PATH.`,
      { cause },
    );
  } finally {
    await input.close();
  }
}

/** The unit of `ulimit -f`, in bytes. */
const BLOCK_BYTES = 512;

/**
 * Node.js cannot set a resource limit for a process, but a shell can. The shell then replaces itself with the program (`exec`),
 * so the process stays the same.
 */
function limited({ command, args, mostFileBytes }: LaunchOptions): [program: string, words: string[]] {
  if (mostFileBytes === undefined) return [command, [...args]];
  const blocks = Math.ceil(mostFileBytes / BLOCK_BYTES);
  return ['/bin/sh', ['-c', `ulimit -f ${blocks} 2>/dev/null; exec "$0" "$@"`, command, ...args]];
}
