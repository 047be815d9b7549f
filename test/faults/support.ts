import { readdirSync, readFileSync, readlinkSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SessionEvent, UnifiedSessionManager } from 'autonomous-orchestration';
import { onTestFinished } from 'vitest';
import { attempt, docker, engine } from '../e2e/support.js';

export {
  attempt,
  bash,
  docker,
  endedGone,
  engine,
  git,
  type ModelTurn,
  nextEvent,
  scripted,
  size,
  stateFolder,
  tempFolder,
  testManager,
} from '../e2e/support.js';

/** Prints a measured value on its own line of the output of `npm run test:faults`. */
export function figure(what: string, value: string | number): void {
  // Not console.log: vitest prints two lines before each of its outputs.
  process.stdout.write(`figure | ${what}: ${value}\n`);
}

/** Options for a session whose `claude` runs a shell script at once. See `engine/README.md`. */
export function quick(
  script: string,
  env: Record<string, string> = {},
): { docker: { image: string; env: Record<string, string> } } {
  return { docker: { image: engine.quickImage, env: { QUICK_SCRIPT: script, ...env } } };
}

const TERMINAL: readonly string[] = ['session:completed', 'session:failed', 'session:cancelled'];

/** Counts the terminal events of each session from now on. */
export function countEnds(manager: UnifiedSessionManager): Map<string, number> {
  const ends = new Map<string, number>();
  manager.on('event', ({ type, sessionId }: SessionEvent) => {
    if (TERMINAL.includes(type)) ends.set(sessionId, (ends.get(sessionId) ?? 0) + 1);
  });
  return ends;
}

/** Names of the containers, running or not, of these sessions. */
export async function containersLeft(sessions: readonly { id: string }[]): Promise<string[]> {
  const names = (await docker('ps', '--all', '--format', '{{.Names}}')).split('\n');
  return names.filter((name) => sessions.some(({ id }) => name.includes(id)));
}

/** Random numbers in [0, 1). They are the same in each run. */
export function seededRandom(seed = 1): () => number {
  let state = seed;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The system resources that this process holds: open files and sockets, inotify watches, children, and timers, requests and
 * the like (`process.getActiveResourcesInfo`). They are counted when nothing changes any more, because released resources are
 * closed a moment later.
 */
export async function holdings(): Promise<string[]> {
  // The event loop opens its inotify instance once and keeps it.
  watch(tmpdir()).close();
  let latest = countHoldings();
  for (let same = 0, tries = 0; same < 10 && tries < 500; tries++) {
    await delay(10);
    const next = countHoldings();
    same = isDeepStrictEqual(next, latest) ? same + 1 : 0;
    latest = next;
  }
  return latest;
}

function countHoldings(): string[] {
  const files = readdirSync('/proc/self/fd')
    .flatMap((fd) => tryRead(() => readlinkSync(`/proc/self/fd/${fd}`)) ?? [])
    .filter((target) => target !== `/proc/${process.pid}/fd`)
    .map((target) => (target.startsWith('socket:') ? SOCKET : `file ${target}`));
  const watches = readdirSync('/proc/self/fdinfo')
    .map((fd) => tryRead(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? '')
    .flatMap((info) => info.split('\n').filter((line) => line.startsWith('inotify')));
  const children = readdirSync('/proc/self/task')
    .map((task) => tryRead(() => readFileSync(`/proc/self/task/${task}/children`, 'utf8')) ?? '')
    .flatMap((pids) => pids.split(/\s+/).filter(Boolean))
    .map((pid) => `child ${pid}`);
  const active = process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap' && kind !== 'TCPSocketWrap');
  return [...files, ...watches, ...children, ...active].sort();
}

export const SOCKET = 'socket';

/** The entries of `after` that are not in `before`. Equal entries are counted one by one. */
export function added(after: readonly string[], before: readonly string[]): string[] {
  const left = [...before];
  return after.filter((held) => {
    const index = left.indexOf(held);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

/** Undefined if the file is gone by now. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Polls until a condition holds. Only for changes without an event, such as another process's files. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (let tries = 0; tries < 3_000; tries++) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await delay(20);
  }
  throw new Error(`${what}: not within a minute`);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The used bytes of the heap after garbage collection. */
export async function heapUsed(): Promise<number> {
  for (let times = 0; times < 3; times++) {
    await delay(5); // The event loop releases what its last turn held.
    collect();
  }
  return process.memoryUsage().heapUsed;
}

/** An image like the quick image, with other settings (Dockerfile lines). Removed after the test. */
export async function changedImage(name: string, ...settings: string[]): Promise<string> {
  const image = `autonomous-orchestration-test:${name}-${process.pid}`;
  const container = await docker('create', engine.quickImage, 'true');
  try {
    const id = await docker('commit', ...settings.flatMap((line) => ['--change', line]), container, image);
    // Also by its id, because a test may give the name to another image, or remove the name.
    onTestFinished(async () => {
      await attempt('docker', ['rmi', image]);
      await attempt('docker', ['rmi', id]);
    });
  } finally {
    await docker('rm', container);
  }
  return image;
}
