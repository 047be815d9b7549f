import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureNetwork, inNetwork, removeNetwork, unmountAll } from './network.mjs';

const START_MS = 60_000;
const STOP_MS = 30_000;
/** Linux's limit for the path of a unix socket, including the closing zero. */
const SOCKET_PATH_BYTES = 108;

/**
 * @typedef {{
 *   name: string, cache: string, data: string, exec: string, network: string, socket: string, pidFile: string,
 *   log: string, lock: string,
 * }} Paths
 */

/**
 * @param {string} [name] For an engine besides the shared one. All files of that engine are in a folder of this name.
 * @returns {Paths} The engine's paths. Nothing is created.
 */
export function enginePaths(name = '') {
  const home = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const cache = join(home, 'autonomous-orchestration-test', name);
  // containerd's debug socket has the longest path. If the home folder's path is too long for it, a short folder in /run is used.
  const fits = Buffer.byteLength(join(cache, 'exec/containerd/containerd-debug.sock.ttrpc')) < SOCKET_PATH_BYTES;
  const state = fits ? cache : `/run/aot-${createHash('sha256').update(cache).digest('hex').slice(0, 12)}`;
  return {
    name,
    cache,
    data: join(cache, 'data'),
    exec: join(state, 'exec'),
    network: join(state, 'network'),
    socket: join(state, 'docker.sock'),
    pidFile: join(state, 'docker.pid'),
    log: join(cache, 'dockerd.log'),
    lock: join(cache, 'lock'),
  };
}

/**
 * Sends one GET request to the engine's API.
 *
 * @param {string} socket
 * @param {string} path
 * @returns {Promise<{ status: number, body: string } | undefined>} Undefined if no engine answers.
 */
export function ask(socket, path) {
  return new Promise((resolve) => {
    const call = request({ socketPath: socket, path, timeout: 5000, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

/** @param {Paths} paths */
export const isAnswering = async ({ socket }) => (await ask(socket, '/_ping'))?.status === 200;

/**
 * Starts our dockerd, unless it already answers. dockerd outlives this process.
 *
 * @param {Paths} paths
 * @param {{ liveRestore?: boolean, remapsUsers?: boolean }} [options] `liveRestore` lets containers outlive dockerd.
 *   `remapsUsers` gives the users of containers numbers from 100000 on. Default: false.
 */
export async function startDaemon(paths, { liveRestore = false, remapsUsers = false } = {}) {
  if (await isAnswering(paths)) return;
  // If our dockerd runs and does not answer, it is still starting, or it hangs. In both cases it is replaced.
  await endDaemon(paths);
  // For each container without a network the engine leaves a sandbox in its store. It removes them at the next start, 80 ms
  // each, so that after a day of tests a start would take over a minute. Without live restore no container needs them any more.
  if (!liveRestore) {
    for (const folder of [join(paths.data, 'network'), join(paths.exec, 'netns')]) {
      // A killed engine leaves the namespaces of its containers mounted.
      await unmountAll(folder);
      rmSync(folder, { recursive: true, force: true });
    }
  }
  for (const folder of [paths.data, paths.exec]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  await ensureNetwork(paths.network);
  const log = openSync(paths.log, 'w');
  const dockerd = ['dockerd', ...daemonFlags(paths, liveRestore)];
  const [command = '', ...args] = inNetwork(paths.network, remapsUsers ? remapping(paths, dockerd) : dockerd);
  const daemon = spawn(command, args, {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    // Its own session and its own output. dockerd must not hold the caller's terminal, or a pipe that somebody reads to its end.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  daemon.unref();
  /** @type {string | undefined} */
  let end;
  daemon.once('error', (error) => (end = error.message));
  daemon.once('exit', (code, signal) => (end = `it ended with ${signal ?? code}`));
  const deadline = Date.now() + START_MS;
  while (!(await isAnswering(paths))) {
    if (end === undefined && Date.now() < deadline) await sleep(50);
    else {
      await stopDaemon(paths);
      const tail = readFileSync(paths.log, 'utf8').trim().split('\n').slice(-8).join('\n');
      throw new Error(
        `dockerd does not answer: ${end ?? `silent for ${START_MS} ms`}. The end of ${paths.log}:\n${tail}`,
      );
    }
  }
}

/**
 * dockerd takes the numbers from /etc/subuid and /etc/subgid. It gets files of its own in their place.
 *
 * @param {Paths} paths
 * @param {string[]} dockerd
 */
function remapping(paths, dockerd) {
  const numbers = join(paths.cache, 'subordinate-ids');
  writeFileSync(numbers, 'daemon:100000:65536\n');
  const files = 'touch /etc/subuid /etc/subgid && mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid';
  return ['unshare', '--mount', 'sh', '-c', `${files} && exec "$@"`, numbers, ...dockerd, '--userns-remap=daemon'];
}

/**
 * @param {Paths} paths
 * @param {boolean} liveRestore
 */
const daemonFlags = ({ name, ...paths }, liveRestore) => [
  `--data-root=${paths.data}`,
  `--exec-root=${paths.exec}`,
  `--pidfile=${paths.pidFile}`,
  `--host=unix://${paths.socket}`,
  `--live-restore=${liveRestore}`,
  // If the machine runs a containerd, dockerd uses it. This namespace keeps our engine apart from the machine's engine.
  `--containerd-namespace=autonomous-orchestration-test${name}`,
  `--containerd-plugins-namespace=autonomous-orchestration-test${name}-plugins`,
];

/**
 * Ends our dockerd with all its containers, and removes its network. Resolves when they are gone. Does nothing if there are
 * none.
 *
 * @param {Paths} paths
 */
export async function stopDaemon(paths) {
  await endDaemon(paths);
  await removeNetwork(paths.network);
}

/**
 * Ends our dockerd. Its network stays, because with live restore containers may still be in it.
 *
 * @param {Paths} paths
 */
async function endDaemon(paths) {
  const containerd = join(paths.exec, 'containerd');
  const containerdPidFile = join(containerd, 'containerd.pid');
  await end(() => daemonPid(paths));
  // containerd dies with dockerd, but only if dockerd has asked the kernel for that in time.
  await end(() => livePid(containerdPidFile, join(containerd, 'containerd.toml')));
  // After a SIGKILL these files stay behind. If a zombie or another process has the pid of such a file, dockerd takes it for a
  // running one, and then waits in vain or refuses to start.
  const sockets = ['containerd.sock', 'containerd.sock.ttrpc', 'containerd-debug.sock'].map((name) =>
    join(containerd, name),
  );
  for (const file of [paths.pidFile, paths.socket, containerdPidFile, ...sockets]) rmSync(file, { force: true });
}

/** @param {Paths} paths The pid of our dockerd, if it lives. */
export const daemonPid = (paths) => livePid(paths.pidFile, `--host=unix://${paths.socket}`);

/**
 * @param {string} pidFile
 * @param {string} argument An argument that only the right process was started with.
 * @returns {Promise<number | undefined>}
 */
async function livePid(pidFile, argument) {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!(pid > 1)) return undefined;
  // Empty for a zombie, because nobody reaps zombies in a container without an init. For a reused pid, another program's command.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(argument) ? pid : undefined;
}

/** @param {() => Promise<number | undefined>} look Returns the pid of the process to end, as long as the process lives. */
async function end(look) {
  const deadline = Date.now() + STOP_MS;
  for (let isAsked = false, pid = await look(); pid !== undefined; pid = await look()) {
    const isLate = Date.now() > deadline;
    if (!isAsked || isLate) signal(pid, isLate ? 'SIGKILL' : 'SIGTERM');
    isAsked = true;
    await sleep(20);
  }
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} name
 */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    // The process ended between the look and the signal, as wanted.
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
