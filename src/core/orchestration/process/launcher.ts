import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { messageOf, OrchestrationError } from '../util/errors.js';
import { openOwnFile } from '../util/fs/own-file.js';
import type { LaunchFiles } from './launch-files.js';
import type { Command, LaunchHelper } from './launch-helper.js';
import type { LaunchedProcess, ProcessExit } from './launched-process.js';
import { processIdentity } from './process-identity.js';

export type { LaunchedProcess, ProcessExit } from './launched-process.js';

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

/** How processes are launched. */
export interface Starter {
  readonly spawn: SpawnProcess;
  /** Launches instead of `spawn`, if it can. */
  readonly helper?: LaunchHelper;
}

/**
 * Launches the one process that must outlive ours. Its standard input and its log are files, not pipes to us. It leads a
 * process group of its own, which a signal to ours does not reach.
 *
 * @throws OrchestrationError `LAUNCH_FAILED`, `STATE_NOT_WRITABLE`
 */
export async function launchDetached(starter: Starter, options: LaunchOptions): Promise<LaunchedProcess> {
  const { command, folder, inputFile } = options;
  const input = await openOwnFile(inputFile);
  try {
    const log = await folder.openLog();
    try {
      const files = { input, log };
      const helped = await starter.helper?.start({ ...withLimit(options), files });
      return helped ?? (await spawned(starter.spawn, options, files));
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

async function spawned(spawn: SpawnProcess, options: LaunchOptions, files: LaunchFiles): Promise<LaunchedProcess> {
  const { command, args, cwd, env } = withLimit(options);
  const stdio = [files.input.fd, files.log.fd, files.log.fd];
  const child = spawn(command, args, { cwd, env, detached: true, stdio });
  const exited = new Promise<ProcessExit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
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
}

/** The unit of `ulimit -f`, in bytes. */
const BLOCK_BYTES = 512;

/**
 * Node.js cannot set a resource limit for a process, but a shell can. The shell then replaces itself with the program (`exec`),
 * so the process stays the same.
 */
function withLimit({ command, args, cwd, env, mostFileBytes }: LaunchOptions): Command {
  if (mostFileBytes === undefined) return { command, args: [...args], cwd, env };
  const blocks = Math.ceil(mostFileBytes / BLOCK_BYTES);
  const words = ['-c', `ulimit -f ${blocks} 2>/dev/null; exec "$0" "$@"`, command, ...args];
  return { command: '/bin/sh', args: words, cwd, env };
}
