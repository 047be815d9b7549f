import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { run } from './run.mjs';

/**
 * A network namespace for an engine: its bridges, firewall rules and containers are in there, so that they neither reach
 * the machine's network nor change it. It has a loopback device and no way out.
 *
 * The namespace is mounted on a file, so that it outlives the processes in it: an engine that is started again finds the
 * containers that outlived it on the same bridge.
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
 * @returns {string[]} The command, run inside the namespace. It keeps its pid, its mounts and its output.
 */
export const inNetwork = (file, command) => ['nsenter', `--net=${file}`, ...command];

/**
 * Does nothing where there is none. The kernel ends the namespace with the last process in it.
 *
 * @param {string} file
 */
export async function removeNetwork(file) {
  await unmountAll(file);
  rmSync(file, { force: true });
}

/**
 * Unmounts whatever is mounted on a path, or below it.
 *
 * @param {string} path
 */
export async function unmountAll(path) {
  const mounts = await mountPoints();
  // The youngest first: it lies on top of older ones.
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
