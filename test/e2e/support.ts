import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, copyFile, mkdir, mkdtemp, readFile, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import {
  type SessionEvent,
  type SessionManagerOptions,
  type UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { expect, inject, onTestFinished } from 'vitest';
import versions from '../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };
import { removeFolder } from '../support/temp-folder.js';

export const engine = inject('engine');
process.env.DOCKER_HOST = engine.host;
// By these variables the library knows a test runner, and warns of real sessions.
for (const name of ['VITEST', 'NODE_ENV']) delete process.env[name];

/** The releases of Claude Code that the library is tested with: the version, and an image with that version. */
export const RELEASES = [
  { version: versions.oldest, image: engine.image },
  { version: versions.newest, image: engine.newestImage },
] as const;

const run = promisify(execFile);

/** How often a test does something: `small` by default, `full` with `FULL=1` in the environment. */
export function size(small: number, full: number): number {
  return process.env.FULL === '1' ? full : small;
}

/** A turn of the scripted model, see `engine/README.md`. */
export type ModelTurn = Record<string, unknown>;

/** Options that give a session the script of its model. */
export function scripted(...turns: ModelTurn[]): { docker: { env: Record<string, string> } } {
  return { docker: { env: { MODEL_SCRIPT: JSON.stringify(turns) } } };
}

/** Options for sessions that share their variables. Each session plays the part whose key occurs in its prompt. */
export function casting(parts: Record<string, ModelTurn[]>): ReturnType<typeof scripted> {
  return { docker: { env: { MODEL_SCRIPT: JSON.stringify(parts) } } };
}

export const bash = (command: string): ModelTurn => ({ tool: 'Bash', input: { command } });

/** Shell code that waits until the test has called `release`. It takes the time that the test needs, however busy the machine. */
export const UNTIL_RELEASED = 'until [ -e /tmp/released ]; do sleep 0.05; done';

/** Lets a session's container go on that waits for `UNTIL_RELEASED`. */
export const release = (id: string, run = 1): Promise<string> =>
  docker('exec', `ao-${id}-${run}`, 'touch', '/tmp/released');

/** Steers a session that waits for `UNTIL_RELEASED`, and lets it go on as soon as the messages are stored. */
export async function steerHeld(manager: UnifiedSessionManager, id: string, ...messages: string[]): Promise<void> {
  const { logFile = '' } = manager.get(id) ?? {};
  const record = join(dirname(logFile), 'steering.json');
  const heard = Promise.all(messages.map((message) => manager.steer(id, message)));
  for (const message of messages)
    await expect.poll(() => readFile(record, 'utf8').catch(() => ''), { interval: 20 }).toContain(message);
  await release(id, manager.get(id)?.runs.length);
  await heard;
}

/** A temporary folder that belongs to the image's user, removed after the test. */
export async function tempFolder(owner = 1000): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'orchestration-e2e-'));
  onTestFinished(() => removeFolder(path));
  await chown(path, owner, owner);
  return path;
}

/** A state folder for a manager. It contains what is known about the images. */
export async function stateFolder(): Promise<string> {
  const path = await tempFolder(process.getuid?.());
  await copyFile(inject('probed'), join(path, 'images.json'));
  return path;
}

/** A manager with its own state folder. After the test it is closed, and all its sessions are cancelled. */
export async function testManager(options: SessionManagerOptions = {}): Promise<{
  manager: UnifiedSessionManager;
  stateDir: string;
  events: SessionEvent[];
}> {
  const stateDir = options.stateDir ?? (await stateFolder());
  const manager = new UnifiedSessionManager({ stateDir, ...options });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const events: SessionEvent[] = [];
  manager.on('event', (event) => events.push(event));
  return { manager, stateDir, events };
}

/** Resolves with the next event that fits. */
export async function nextEvent(
  manager: UnifiedSessionManager,
  fits: (event: SessionEvent) => boolean,
): Promise<SessionEvent> {
  for await (const event of manager.events()) if (fits(event)) return event;
  throw new Error('the manager closed before such an event');
}

export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { env: process.env });
  return stdout.trim();
}

/** Names of the containers, running or not, of a session, or of a manager (including its probes of images). */
export async function containersOf(of: Pick<UnifiedSession, 'id'> | { stateDir: string }): Promise<string[]> {
  const label = 'id' in of ? `session=${of.id}` : `owner=${await ownerOf(of.stateDir)}`;
  const filter = `label=autonomous-orchestration.${label}`;
  const names = await docker('ps', '--all', '--filter', filter, '--format', '{{.Names}}');
  return names === '' ? [] : names.split('\n');
}

/**
 * Resolves when no container of a session, or of a manager, is left. A session's end is reported before its container is removed, so
 * this waits for the engine's own events.
 */
export async function containersGone(of: Parameters<typeof containersOf>[0]): Promise<void> {
  const since = String(Date.now() / 1000);
  const left = new Set(await containersOf(of));
  if (left.size === 0) return;
  const filters = ['--filter', 'type=container', '--filter', 'event=destroy'];
  const args = ['events', '--since', since, ...filters, '--format', '{{.Actor.Attributes.name}}'];
  const events = spawn('docker', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const name of createInterface({ input: events.stdout })) {
      left.delete(name);
      if (left.size === 0) return;
    }
    throw new Error(`The engine's events ended, and these containers are left: ${[...left].join(', ')}`);
  } finally {
    events.kill();
  }
}

/** Resolves when nothing is left of a manager's sessions that have ended: their containers are gone, and their slots are free. */
export async function endedGone(manager: UnifiedSessionManager): Promise<void> {
  const ended = manager.list({ status: ['completed', 'failed', 'cancelled'] });
  await Promise.all(ended.map(({ id }) => manager.cancel(id)));
}

/** The value of the label that all containers of a state folder have. */
const ownerOf = async (stateDir: string): Promise<string> =>
  createHash('sha256')
    .update(await realpath(stateDir))
    .digest('hex')
    .slice(0, 16);

/** Names of the containers, running or not, that have a mount below a folder. */
export async function containersBelow(folder: string): Promise<string[]> {
  const lines = await docker('ps', '--all', '--no-trunc', '--format', '{{.Names}} {{.Mounts}}');
  return lines.split('\n').flatMap((line) => {
    const [name = '', mounts = ''] = line.split(' ');
    return mounts.split(',').some((mount) => mount.startsWith(folder)) ? [name] : [];
  });
}

/** Runs git in a folder, like a person on the machine. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const identity = [
    '-c',
    'user.name=Tester',
    '-c',
    'user.email=tester@example.invalid',
    '-c',
    'init.defaultBranch=main',
  ];
  const { stdout } = await run('git', [...identity, ...args], { cwd });
  return stdout.trim();
}

/** A repository with one commit. Its owner is root by default. */
export async function repository(owner = 0): Promise<string> {
  const folder = await tempFolder(owner);
  const cwd = join(folder, 'project');
  await mkdir(cwd);
  await git(cwd, 'init', '--quiet');
  await writeFile(join(cwd, 'README.md'), '# Project\n');
  await git(cwd, 'add', '.');
  await git(cwd, 'commit', '--quiet', '--message', 'First');
  if (owner !== process.getuid?.()) await run('chown', ['--recursive', `${owner}:${owner}`, folder]);
  return cwd;
}

/** Runs a command and returns its exit code and output, also if it fails. */
export async function attempt(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  return run(command, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}
