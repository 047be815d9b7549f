import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { run } from './run.mjs';

/**
 * A network namespace for an engine. The engine's bridges, firewall rules and containers are in the namespace, so that they can
 * neither reach nor change the machine's network. The namespace has a loopback device and no way out.
 *
 * The namespace is mounted on a file, so that it outlives the processes in it. An engine that is started again finds the
 * containers that have outlived it on the same bridge.
 *
 * @param {string} file
 */
export async function ensureNetwork(file) {
  if (await isMounted(file)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  await run('unshare', [`--net=${file}`, 'ip', 'link', 'set', 'lo', 'up']);
}

/**
 * @param {string} file
 * @param {string[]} command
 * @returns {string[]} A command line that runs the command inside the namespace. The pid, mounts and output stay the same.
 */
export const inNetwork = (file, command) => ['nsenter', `--net=${file}`, ...command];

/**
 * Does nothing if there is no such namespace. The kernel ends the namespace with its last process.
 *
 * @param {string} file
 */
export async function removeNetwork(file) {
  await unmountAll(file);
  rmSync(file, { force: true });
}

/**
 * Unmounts everything that is mounted on a path or below it.
 *
 * @param {string} path
 */
export async function unmountAll(path) {
  const mounts = await mountPoints();
  // The newest mount first, because it lies on top of older mounts.
  for (const point of mounts.reverse()) {
    if (point === path || point.startsWith(`${path}/`)) await run('umount', [point]);
  }
}

/** @param {string} file */
const isMounted = async (file) => (await mountPoints()).includes(file);

/** @returns {Promise<string[]>} */
async function mountPoints() {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
}
