import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionFolder } from '../../contract/session-folder.js';
import type { LaunchedProcess, ProcessExit } from '../../process/launcher.js';
import { orphanedProcess } from '../../process/orphaned-process.js';
import { type ProcessIdentity, processIdentity } from '../../process/process-identity.js';
import { readOwnFile } from '../../util/fs/own-file.js';
import { quoted } from '../../util/shell-quote.js';
import type { Tmux } from './tmux.js';

export interface TerminalCommand {
  /** The name of the terminal. */
  name: string;
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  folder: SessionFolder;
}

/**
 * Starts a command in a terminal of its own. The terminal ends with its command. The terminal outlives this process. This process
 * sees the end of the terminal only by the end of the terminal's process.
 *
 * @throws OrchestrationError `TMUX_NOT_FOUND`, `LAUNCH_FAILED`, `STATE_NOT_WRITABLE`
 */
export async function startInTerminal(tmux: Tmux, options: TerminalCommand): Promise<LaunchedProcess> {
  const { name, command, env, cwd, folder } = options;
  // This process may be killed before the script runs and removes itself. So the script is in the guard's folder, which is wiped
  // before each run and swept after the last one.
  const script = join(folder.guard, 'terminal.sh');
  const exitFile = exitFileOf(folder);
  await mkdir(folder.guard, { recursive: true, mode: 0o700 });
  await rm(exitFile, { force: true });
  await folder.write(script, scriptOf(command, env, exitFile));
  const pid = await tmux.start(name, script, cwd).catch(async (error: unknown) => {
    await rm(script, { force: true });
    throw error;
  });
  const identity = await processIdentity(pid).catch(() => undefined);
  return { ...terminalProcess(identity, folder), pid };
}

/** The process of a terminal that this process or an earlier one has started. */
export function terminalProcess(identity: ProcessIdentity | undefined, folder: SessionFolder): LaunchedProcess {
  const process = orphanedProcess(identity);
  const gone: Promise<ProcessExit> = identity ? process.exited : Promise.resolve({ code: null, signal: null });
  return { ...process, exited: gone.then(async (exit) => ({ ...exit, code: await codeIn(exitFileOf(folder)) })) };
}

function exitFileOf({ path }: SessionFolder): string {
  return join(path, 'terminal.exit');
}

/** The values of variables may be secrets, so the script removes itself as soon as it runs. */
function scriptOf(command: readonly string[], env: NodeJS.ProcessEnv, exitFile: string): string {
  const variables = Object.entries(env).filter(([key, value]) => /^[A-Za-z_]\w*$/.test(key) && value !== undefined);
  return [
    'rm -f -- "$0"',
    ...variables.map(([key, value]) => `export ${key}=${quoted(value ?? '')}`),
    command.map(quoted).join(' '),
    'code=$?',
    'umask 077',
    `echo $code > ${quoted(exitFile)}`,
    '',
  ].join('\n');
}

async function codeIn(file: string): Promise<number | null> {
  const text = await readOwnFile(file, { most: 16 }).catch(() => '');
  return /^\d+\n$/.test(text) ? Number(text) : null;
}
