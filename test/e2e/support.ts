import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, copyFile, mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type CreateSessionOptions,
  type SessionEvent,
  type SessionManagerOptions,
  type UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { inject, onTestFinished } from 'vitest';
import versions from '../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };
import { removeFolder } from '../support/temp-folder.js';

export const engine = inject('engine');
process.env.DOCKER_HOST = engine.host;

/** The releases of Claude Code that the library is tested with: a version, and an image that has it. */
export const RELEASES = [
  { version: versions.oldest, image: engine.image },
  { version: versions.newest, image: engine.newestImage },
] as const;

const run = promisify(execFile);

/** How often a test does something: the small size by default, the full one with `FULL=1` in the environment. */
export function size(small: number, full: number): number {
  return process.env.FULL === '1' ? full : small;
}

/** A turn of the scripted model, see `engine/README.md`. */
export type ModelTurn = Record<string, unknown>;

/** Options that give the model of a session its script. */
export function scripted(
  ...turns: ModelTurn[]
): Pick<CreateSessionOptions, 'docker'> & { docker: { env: Record<string, string> } } {
  return { docker: { env: { MODEL_SCRIPT: JSON.stringify(turns) } } };
}

/** Options for sessions that share their variables and play different parts, which a text in the prompt selects. */
export function casting(parts: Record<string, ModelTurn[]>): ReturnType<typeof scripted> {
  return { docker: { env: { MODEL_SCRIPT: JSON.stringify(parts) } } };
}

export const bash = (command: string): ModelTurn => ({ tool: 'Bash', input: { command } });

/** A temporary folder that belongs to the image's user, removed after the test. */
export async function tempFolder(owner = 1000): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'orchestration-e2e-'));
  onTestFinished(() => removeFolder(path));
  await chown(path, owner, owner);
  return path;
}

/** A state folder for a manager, with what is known of the images. */
export async function stateFolder(): Promise<string> {
  const path = await tempFolder(0);
  await copyFile(inject('probed'), join(path, 'images.json'));
  return path;
}

/** A manager with a state folder of its own, closed after the test together with all its sessions. */
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

/** Resolves with the first event that fits, from now on. */
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

/** Names of the containers of a session, or of a manager with its probes of images, running or not. */
export async function containersOf(of: Pick<UnifiedSession, 'id'> | { stateDir: string }): Promise<string[]> {
  const label = 'id' in of ? `session=${of.id}` : `owner=${await ownerOf(of.stateDir)}`;
  const filter = `label=autonomous-orchestration.${label}`;
  const names = await docker('ps', '--all', '--filter', filter, '--format', '{{.Names}}');
  return names === '' ? [] : names.split('\n');
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

/** Runs git in a folder, as a person on this machine would. */
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

/** A repository that belongs to root, with one commit. */
export async function repository(): Promise<string> {
  const cwd = join(await tempFolder(0), 'project');
  await mkdir(cwd);
  await git(cwd, 'init', '--quiet');
  await writeFile(join(cwd, 'README.md'), '# Project\n');
  await git(cwd, 'add', '.');
  await git(cwd, 'commit', '--quiet', '--message', 'First');
  return cwd;
}

/** Runs a command and returns its result, also if it fails. */
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
