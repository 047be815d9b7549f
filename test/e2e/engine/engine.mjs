import { mkdirSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { daemonPid, enginePaths, isAnswering, startDaemon, stopDaemon } from './daemon.mjs';
import { buildImages, DEFAULT_TAG, hasImages, imageNames } from './images.mjs';
import { withLock } from './lock.mjs';
import { installPackages, missingPackages } from './packages.mjs';

const NEEDED = [
  { file: 'dockerd', debianPackage: 'docker.io' },
  { file: 'debootstrap', debianPackage: 'debootstrap' },
  { file: 'git', debianPackage: 'git' },
  { file: 'gcc', debianPackage: 'gcc' },
  { file: 'ps', debianPackage: 'procps' },
  { file: 'ip', debianPackage: 'iproute2' },
  { file: 'iptables', debianPackage: 'iptables' },
  { file: 'tmux', debianPackage: 'tmux' },
  { file: '/usr/share/keyrings/debian-archive-keyring.gpg', debianPackage: 'debian-archive-keyring' },
  { file: '/etc/ssl/certs/ca-certificates.crt', debianPackage: 'ca-certificates' },
];

/**
 * Makes sure that the private test engine runs and has its images. Starts, installs and builds only what is missing. This takes
 * a few milliseconds if nothing is missing, and about a minute on a bare machine. The engine keeps running, see
 * {@link stopEngine}.
 *
 * @param {{ log?: (message: string) => void }} [options] `log` is called before each slow step.
 * @returns {Promise<{
 *   host: string, image: string, newestImage: string, bareImage: string, quickImage: string, freshImage: string,
 * }>} `host` is the value for DOCKER_HOST. `image` has the oldest supported Claude Code talking to a scripted model,
 *   `newestImage` the newest. `bareImage` has no Claude Code. `quickImage` has a shell script in its place. In `freshImage` the
 *   terminal UI of Claude Code was never set up.
 * @throws {Error} Saying what is missing: Linux, root, a package, the network.
 */
export async function ensureEngine({ log = () => {} } = {}) {
  const paths = enginePaths();
  const names = await imageNames();
  const engine = {
    host: `unix://${paths.socket}`,
    image: names.claude,
    newestImage: names.newest,
    bareImage: names.bare,
    quickImage: names.quick,
    freshImage: names.fresh,
  };
  // An engine that an earlier release has started has the images, but tmux may be missing.
  if ((await hasImages(paths.socket, names)) && missingPackages(NEEDED).length === 0) return engine;

  if (process.platform !== 'linux') throw new Error(`the test engine needs Linux, this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw new Error('the test engine needs root to run dockerd: run as root, or sudo -E');
  mkdirSync(paths.cache, { recursive: true });
  await withLock(paths.lock, async () => {
    await installPackages(NEEDED, log);
    await startDaemon(paths);
    await buildImages({ socket: paths.socket, cache: paths.cache, names, log });
  });
  return engine;
}

/** Ends the test engine and its containers. Images and cache stay. Does nothing if the engine does not run. */
export async function stopEngine() {
  const paths = enginePaths();
  if ((await daemonPid(paths)) === undefined) return;
  await withLock(paths.lock, () => stopDaemon(paths));
}

/** @param {string | undefined} command */
async function main(command) {
  if (command === 'up') {
    const engine = await ensureEngine({ log: (message) => console.error(`engine: ${message}`) });
    console.log(`DOCKER_HOST=${engine.host}`);
  } else if (command === 'down') {
    await stopEngine();
  } else if (command === 'status') {
    const paths = enginePaths();
    const names = await imageNames();
    const isUp = await isAnswering(paths);
    console.log(isUp ? `up, pid ${await daemonPid(paths)}, DOCKER_HOST=unix://${paths.socket}` : 'down');
    const isBuilt = isUp && (await hasImages(paths.socket, names));
    if (isUp) console.log(isBuilt ? `image ${names.claude}, also ${DEFAULT_TAG}` : 'images are missing or out of date');
    process.exitCode = isBuilt ? 0 : 1;
  } else {
    console.error('usage: node engine.mjs up|down|status');
    process.exitCode = 2;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv[2]).catch((/** @type {Error} */ error) => {
    console.error(`engine: ${error.message}`);
    process.exitCode = 1;
  });
}
