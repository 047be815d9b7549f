import { constants, watch } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import type { Agent } from '../../core/orchestration/docker/agents.js';
import type { ShortContainers } from '../../core/orchestration/docker/short-containers.js';
import { ignoreMissing } from '../../core/orchestration/util/fs/ignore-missing.js';
import { inWords } from '../../core/orchestration/util/fs/in-words.js';
import { type LinkFreePaths, withLinkFreePaths } from '../../core/orchestration/util/fs/link-free-paths.js';
import { makeFolder, writeNewFile } from '../../core/orchestration/util/fs/owner.js';
import { readRegularFile } from '../../core/orchestration/util/fs/regular-file.js';

/** How soon the system reports a change, in one direction. `none`: the image has no program that could tell. */
export type Events = 'at once' | 'late' | 'not at all' | 'none';

/** What was seen with a folder of the workspace in a container. */
export interface Trial {
  /** True if the container read what this process had written. */
  readonly containerSees: boolean;
  /** True if this process read what the container had written. */
  readonly machineSees: boolean;
  /** The owner of the container's file on the machine. */
  readonly owner?: number;
  /** Whether this process is told of the container's change. */
  readonly toMachine: Events;
  /** Whether a program in the container is told of this process's change. */
  readonly toContainer: Events;
}

const MARK = 'autonomous-orchestration-doctor';
const TEXT = 'written on the machine';
/** The container writes fewer. */
const MOST_BYTES = 1024;
/** An event that comes within this time is no obstacle to anything. */
const SOON_MS = 1_000;
/** For how long an event is awaited. */
const LATEST_MS = 4_000;

/** Watches the folder, says so by a file, and tells how soon it is told of the machine's change. */
const WATCHER = `
const { existsSync, watch, writeFileSync } = require('node:fs');
const end = (how) => { console.log('${MARK} events ' + how); process.exit(); };
watch('/workspace/seen', (_, name) => { if (name === 'changed') end('told'); });
writeFileSync('/workspace/seen/ready', '');
let there = false;
setInterval(() => { there ||= existsSync('/workspace/seen/changed'); }, 50);
setTimeout(() => end(there ? 'untold' : 'unseen'), ${LATEST_MS * 2});
`;

const SCRIPT = `
echo "${MARK} read $(cat /workspace/from-machine 2>&1)"
echo "written in the container" >/workspace/from-container
if command -v node >/dev/null; then node -e '${WATCHER.replaceAll("'", "'\\''")}'; else : >/workspace/seen/ready; fi
`;

/**
 * Tries out a workspace: mounts a new folder in it into a container, and lets files be written from both sides. The folder is
 * removed afterwards. An agent that works in the workspace can put links everywhere in it, so none is followed.
 *
 * @throws FolderRefused if this process cannot make a folder in the workspace; OrchestrationError as `ShortContainers.run`
 */
export async function tryWorkspace(containers: ShortContainers, options: TrialOptions): Promise<Trial> {
  const folder = join(await realpath(options.cwd), `.autonomous-orchestration-doctor-${nanoid()}`);
  return withLinkFreePaths(async (paths) => {
    await makeOpenFolder(paths.to(folder), options).catch((cause: unknown) => {
      throw new FolderRefused(inWords(cause), { cause });
    });
    try {
      return await tryFolder(containers, folder, paths, options);
    } finally {
      // A container that is being removed may still have written something.
      await paths.remove(folder).catch(() => paths.remove(folder));
    }
  });
}

/** This process cannot make a folder in the workspace, so nothing can be tried out there. */
export class FolderRefused extends Error {}

interface TrialOptions {
  readonly image: string;
  readonly cwd: string;
  /** The user of a session in the workspace. */
  readonly agent: Pick<Agent, 'uid' | 'gid' | 'groups' | 'onMachine'>;
  /** The user of this process. Undefined where the system has no user ids. */
  readonly own: number | undefined;
  readonly signal: AbortSignal;
}

/** Makes a folder that belongs to the session's user, or that everybody may write to if this process cannot give it away. */
async function makeOpenFolder(path: string, { agent, own }: TrialOptions): Promise<void> {
  await makeFolder(path, own === 0 ? agent.onMachine : undefined);
  if (own !== 0 && agent.onMachine && agent.onMachine.uid !== own) await openFolder(path);
}

async function openFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    // Only what this process has made may be opened for everybody.
    if ((await folder.stat()).uid === process.getuid?.()) await folder.chmod(0o777);
  } finally {
    await folder.close();
  }
}

async function tryFolder(
  containers: ShortContainers,
  folder: string,
  paths: LinkFreePaths,
  options: TrialOptions,
): Promise<Trial> {
  const { image, agent, own, signal } = options;
  const ended = new AbortController();
  const containerEnded = new AbortController();
  try {
    const seen = join(folder, 'seen');
    await makeOpenFolder(paths.to(seen), options);
    await writeNewFile(paths.to(join(folder, 'from-machine')), TEXT, own === 0 ? agent.onMachine : undefined);
    const file = join(folder, 'from-container');
    const toMachine = eventsOf(folder, paths.to(file), ended.signal);
    const written = writeWhenReady(seen, paths, containerEnded.signal);
    const container = containers.run('doctor', {
      image,
      script: SCRIPT,
      user: `${agent.uid}:${agent.gid}`,
      groups: agent.groups,
      mounts: [{ Type: 'bind', Source: folder, Target: '/workspace' }],
    });
    const said = await Promise.race([container, aborted(signal)]);
    containerEnded.abort();
    const found = await lstat(paths.to(file)).catch(ignoreMissing);
    const text = found ? (await readRegularFile(paths.to(file), { most: MOST_BYTES })).toString('utf8') : '';
    const machineSees = text.trim() === 'written in the container';
    return {
      containerSees: said.includes(`${MARK} read ${TEXT}`),
      machineSees,
      ...(found && { owner: found.uid }),
      toMachine: machineSees ? await toMachine : 'not at all',
      toContainer: told(said, await written),
    };
  } finally {
    containerEnded.abort();
    ended.abort();
  }
}

/** How soon the system reports that a file was made in a folder, compared to the moment when the file can be seen. */
async function eventsOf(folder: string, file: string, signal: AbortSignal): Promise<Events> {
  let toldAt: number | undefined;
  const watcher = watch(folder, (_, changed) => {
    if (changed === basename(file)) toldAt ??= performance.now();
  });
  try {
    const seenAt = await seenAtLast(file, signal);
    if (seenAt === undefined) return 'not at all';
    while (toldAt === undefined && performance.now() - seenAt < LATEST_MS && !signal.aborted) await delay(20);
    if (toldAt === undefined) return 'not at all';
    return toldAt - seenAt < SOON_MS ? 'at once' : 'late';
  } finally {
    watcher.close();
  }
}

/** Writes a file when the container is watching. Resolves with true when it is written. */
async function writeWhenReady(folder: string, paths: LinkFreePaths, signal: AbortSignal): Promise<boolean> {
  if ((await seenAtLast(paths.to(join(folder, 'ready')), signal)) === undefined) return false;
  return writeNewFile(paths.to(join(folder, 'changed')), '', undefined).then(
    () => true,
    () => false, // Somebody else has put something there.
  );
}

/** When a file is there. Undefined if the signal is aborted first. */
async function seenAtLast(path: string, signal: AbortSignal): Promise<number | undefined> {
  while (!signal.aborted) {
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    );
    if (isThere) return performance.now();
    await delay(20);
  }
  return undefined;
}

function told(said: string, written: boolean): Events {
  const [, how] = new RegExp(`${MARK} events (\\w+)`).exec(said) ?? [];
  if (how === undefined || !written) return 'none';
  return how === 'told' ? 'at once' : 'not at all';
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
