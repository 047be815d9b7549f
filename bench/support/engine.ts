import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, statSync, watch } from 'node:fs';
import { chown, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SpawnProcess } from '../../src/core/orchestration/process/launcher.js';
import { AutonomousExecutor, UnifiedSessionManager } from '../../src/index.js';
import { ensureEngine } from '../../test/e2e/engine/engine.mjs';
import { run } from '../../test/e2e/engine/run.mjs';

/** The uid of the image's user. */
const AGENT_UID = 1_000;

/** The command line of a session's container, so that it can be run again without the library. */
export interface Launch {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
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

/** Makes sure that the test engine runs, and sets this process's DOCKER_HOST to it. Returns its socket and its main image. */
export async function requireEngine(): Promise<{ socket: string; image: string }> {
  const { host, image } = await ensureEngine({ log: (message) => console.error(`bench: ${message}`) });
  process.env.DOCKER_HOST = host;
  return { socket: host.slice('unix://'.length), image };
}

/** @param script the model's turns, as test/e2e/engine/README.md describes them */
export async function openBench(folder: string, script: readonly object[], maxConcurrent: number): Promise<Bench> {
  const stateDir = join(folder, 'state');
  const workspace = join(folder, 'workspace');
  await mkdir(workspace);
  await chown(workspace, AGENT_UID, AGENT_UID);
  const launches: Launch[] = [];
  const recording: SpawnProcess = (command, args, options) => {
    launches.push({ args, env: options.env ?? {} });
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

/** Runs a session's command line again, with the same image, flags, mounts and variables, and input and output in files. */
export async function bareRun({ args, env }: Launch, input: string, folder: string): Promise<BareRun> {
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

function withName(args: readonly string[], name: string): string[] {
  const copy = withoutCheck(args.slice(args.indexOf('run'))); // What is in front of it limits the size of the log.
  copy[copy.indexOf('--name') + 1] = name;
  // Without the labels: with them the manager would take the container for one of its own. Without the guard: its hook would
  // wait for an answer of this process, and the session is over. Without the session's network, which is gone.
  const isLeftOut = (flag = '', value = ''): boolean =>
    ['--label', '--network', '--settings'].includes(flag) ||
    (flag === '--mount' && /target=(\/etc\/claude-code|\/run\/autonomous-orchestration)\//.test(value));
  return copy.filter((arg, at) => !isLeftOut(arg, copy[at + 1]) && !isLeftOut(copy[at - 1], arg));
}

/** Without the check of the mounts, which would miss those of the guard: `--entrypoint /bin/sh <image> -c <check> sh <command>`. */
function withoutCheck(args: readonly string[]): string[] {
  const at = args.indexOf('--entrypoint');
  const [, shell, image = '', option, , , program = '', ...rest] = args.slice(at);
  if (shell !== '/bin/sh' || option !== '-c') throw new Error('The command line has no check of the mounts any more.');
  return [...args.slice(0, at), '--entrypoint', program, image, ...rest];
}
