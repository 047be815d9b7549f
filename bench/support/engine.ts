import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { chown, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AutonomousExecutor, UnifiedSessionManager } from 'autonomous-orchestration';
import type { SpawnProcess } from '../../src/core/orchestration/process/launcher.js';
import { ensureEngine } from '../../test/e2e/engine/engine.mjs';
import { run } from '../../test/e2e/engine/run.mjs';

/** The uid of the image's user. */
export const AGENT_UID = 1_000;

/** The command line of a session's container, so that it can be run again without the library. */
export interface Launch {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The managed settings that the session's Claude Code got. */
  readonly settings: string;
}

/** How long a bare `docker run` took, measured from just before its process was started. */
export interface BareRun {
  readonly firstByteMs: number;
  readonly endMs: number;
}

/** A manager on the real engine, its workspace, and the command lines that it launched. */
export interface Bench extends AsyncDisposable {
  readonly manager: UnifiedSessionManager;
  readonly workspace: string;
  readonly stateDir: string;
  readonly launches: Launch[];
}

/** Makes sure that the test engine runs, and sets this process's DOCKER_HOST to it. Returns its socket and its images. */
export async function requireEngine(): Promise<{ socket: string; image: string; quickImage: string }> {
  const { host, image, quickImage } = await ensureEngine({ log: (message) => console.error(`bench: ${message}`) });
  process.env.DOCKER_HOST = host;
  return { socket: host.slice('unix://'.length), image, quickImage };
}

/** @param script the model's turns, as test/e2e/engine/README.md describes them */
export async function openBench(folder: string, script: readonly object[], maxConcurrent: number): Promise<Bench> {
  const stateDir = join(folder, 'state');
  const workspace = join(folder, 'workspace');
  await mkdir(workspace);
  await chown(workspace, AGENT_UID, AGENT_UID);
  const launches: Launch[] = [];
  const recording: SpawnProcess = (command, args, options) => {
    // The files of the guard are removed at the end of the run.
    const settings = readFileSync(guardFile(args, 'managed-settings.json'), 'utf8');
    launches.push({ args, env: options.env ?? {}, settings });
    return spawn(command, args, options);
  };
  const manager = new UnifiedSessionManager({
    stateDir,
    maxConcurrent,
    docker: { env: { MODEL_SCRIPT: JSON.stringify(script) } },
    executors: { autonomous: new AutonomousExecutor({ stateDir, spawn: recording }) },
  });
  const dispose = (): Promise<void> => manager.close({ sessions: 'cancel' });
  return { manager, workspace, stateDir, launches, [Symbol.asyncDispose]: dispose };
}

let bareRuns = 0;

/**
 * Runs a session's command line again, with the same image, flags, mounts and variables, and input and output in files.
 *
 * @param guarded true to keep the managed settings, with hooks that only read their input and exit 0; that part of a session's
 * time is Claude Code's own
 */
export async function bareRun(
  { args: recorded, env, settings }: Launch,
  input: string,
  folder: string,
  guarded = false,
): Promise<BareRun> {
  const args = guarded ? await withIdleHooks(recorded, settings, folder) : withoutGuard(recorded);
  const name = `ao-bench-${process.pid}-${++bareRuns}`;
  const outputs = join(folder, name); // A separate folder, so that the output of other runs does not wake the watch.
  await mkdir(outputs);
  const output = join(outputs, 'output.log');
  const [stdin, stdout] = [await open(input), await open(output, 'w')];
  try {
    const start = performance.now();
    const firstByte = firstByteIn(output);
    const stdio = [stdin.fd, stdout.fd, stdout.fd];
    const [code] = await once(spawn('docker', withName(args, name), { env, stdio, detached: true }), 'exit');
    const endMs = performance.now() - start;
    if (code !== 0) throw new Error(`The bare run ended with ${code}: ${await readFile(output, 'utf8')}`);
    return { firstByteMs: (await firstByte) - start, endMs };
  } finally {
    await Promise.all([stdin.close(), stdout.close(), run('docker', ['rm', '--force', name])]);
  }
}

/** Resolves when an existing file gets its first byte, with the time of `performance.now()`. */
export async function firstByteIn(file: string): Promise<number> {
  let watcher: FSWatcher | undefined;
  const at = await new Promise<number>((resolve) => {
    const look = (): void => {
      if (statSync(file).size > 0) resolve(performance.now());
    };
    watcher = watch(dirname(file), look);
    look();
  });
  watcher?.close();
  return at;
}

/** A mount of the guard. Its second group is the name of the file or folder. */
const GUARD_MOUNT = /target=(\/etc\/claude-code|\/run\/autonomous-orchestration)\/([^/,]+)/;

/** The path on the machine of a file that a session's guard mounts. */
function guardFile(args: readonly string[], name: string): string {
  const mount = args.find((arg) => GUARD_MOUNT.exec(arg)?.[2] === name);
  const source = /(?:^|,)source=([^,]*)/.exec(mount ?? '')?.[1];
  if (source === undefined) throw new Error(`The command line has no mount of the guard for ${name} any more.`);
  return source;
}

/** Without the guard: its hook would wait for an answer of this process, and the session is over. */
function withoutGuard(args: readonly string[]): string[] {
  return without(args, (flag, value) => flag === '--settings' || (flag === '--mount' && GUARD_MOUNT.test(value)));
}

/** With the session's managed settings, whose hook asks nobody. */
async function withIdleHooks(args: readonly string[], settings: string, folder: string): Promise<string[]> {
  const guard = join(folder, `guard-${++bareRuns}`);
  for (const name of ['requests', 'answers']) await mkdir(join(guard, name), { recursive: true });
  const script = '#!/bin/sh\ncat > /dev/null\nexit 0\n';
  await writeFile(join(guard, 'managed-settings.json'), settings, { mode: 0o755 });
  await writeFile(join(guard, 'autonomous-orchestration.sh'), script, { mode: 0o755 });
  const nameOf = (mount: string): string => GUARD_MOUNT.exec(mount)?.[2] ?? '';
  const kept = ['managed-settings.json', 'autonomous-orchestration.sh', 'requests', 'answers'];
  const isGone = (flag: string, value: string): boolean =>
    flag === '--mount' && GUARD_MOUNT.test(value) && !kept.includes(nameOf(value));
  return without(args, isGone).map((arg) =>
    GUARD_MOUNT.test(arg) ? arg.replace(/source=[^,]*/, `source=${join(guard, nameOf(arg))}`) : arg,
  );
}

function withName(args: readonly string[], name: string): string[] {
  const copy = withoutCheck(args.slice(args.indexOf('run'))); // What is in front of it limits the size of the log.
  copy[copy.indexOf('--name') + 1] = name;
  // Without the labels: with them the manager would take the container for one of its own. Without the session's network, which
  // is gone.
  return without(copy, (flag) => flag === '--label' || flag === '--network');
}

/** The arguments without the options, and their values, for which the function returns true. */
function without(args: readonly string[], isLeftOut: (flag: string, value: string) => boolean): string[] {
  return args.filter((arg, at) => !isLeftOut(arg, args[at + 1] ?? '') && !isLeftOut(args[at - 1] ?? '', arg));
}

/** Without the check of the mounts, which would miss those of the guard: `--entrypoint /bin/sh <image> -c <check> sh <command>`. */
function withoutCheck(args: readonly string[]): string[] {
  const at = args.indexOf('--entrypoint');
  const [, shell, image = '', option, , , program = '', ...rest] = args.slice(at);
  if (shell !== '/bin/sh' || option !== '-c') throw new Error('The command line has no check of the mounts any more.');
  return [...args.slice(0, at), '--entrypoint', program, image, ...rest];
}
