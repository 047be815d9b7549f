import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { messageOf, OrchestrationError } from '../util/errors.js';
import { openOwnFile } from '../util/fs/own-file.js';
import { type ProcessIdentity, processIdentity } from './process-identity.js';

/** How processes are started; `node:child_process`'s `spawn` unless a test has another. */
export type SpawnProcess = (command: string, args: string[], options: SpawnOptions) => ChildProcess;

export interface LaunchOptions {
  command: string;
  args: readonly string[];
  /** Where it runs on the host. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Has its standard output and error. */
  folder: { openLog(): Promise<FileHandle> };
  /** Its standard input. */
  inputFile: string;
  /**
   * How long a file may be that it writes, in bytes: at this length the system ends the process (SIGXFSZ). So the log does not
   * fill the disk while no host looks, either. Default: of any length.
   */
  mostFileBytes?: number;
}

/** A process that was started, by this host or by one that is gone; it outlives this one. */
export interface LaunchedProcess {
  pid: number;
  /** Absent where it was gone before it could be looked at. */
  identity: ProcessIdentity | undefined;
  exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  /** Whether its id is still its own; that of a child always is. */
  isOurs(): Promise<boolean>;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * Starts the one process that must outlive the host: standard input and the log are files, not pipes to us, and it
 * leads a process group of its own, which no signal to ours reaches.
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
      child.on('error', () => {}); // Afterwards only a failing kill() emits it, of a process that is gone already.
      child.unref();
      if (child.pid === undefined) throw new Error('it has no process id');
      // Without it the run can be seen through all the same.
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

/** Node.js cannot set a limit of a process; a shell can, and then becomes what is to run: the process is the same. */
function limited({ command, args, mostFileBytes }: LaunchOptions): [program: string, words: string[]] {
  if (mostFileBytes === undefined) return [command, [...args]];
  const blocks = Math.ceil(mostFileBytes / BLOCK_BYTES);
  return ['/bin/sh', ['-c', `ulimit -f ${blocks} 2>/dev/null; exec "$0" "$@"`, command, ...args]];
}
