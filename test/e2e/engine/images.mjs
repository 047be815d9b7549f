import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ask } from './daemon.mjs';
import { run } from './run.mjs';

const REPOSITORY = 'autonomous-orchestration-test';
/** The releases that the library is tested with: the oldest is plain JavaScript, the newest a native program. */
const CLAUDE = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../src/core/orchestration/session/claude-versions.json'), 'utf8'),
);
/** The images' version of node. It can keep a program's compiled code, which halves the start of Claude Code. */
const NODE = '24.22.3';
const SUITE = 'bookworm';
const MIRROR = 'http://deb.debian.org/debian';
const DEBIAN_PACKAGES = 'git,ca-certificates,procps';
/** The image that the library uses by default. */
export const DEFAULT_TAG = 'my-claude:authenticated';

/** Files that no test container needs. They are left out of the image. */
const LEFT_OUT = [
  ...['dev/*', 'usr/share/doc/*', 'usr/share/locale/*', 'usr/share/man/*', 'usr/share/info/*'],
  ...['var/cache/apt/*', 'var/cache/debconf/*-old', 'var/lib/apt/lists/*', 'var/log/*'],
];
/** Shell code, run in the new system before it becomes an image. It makes the user and folders of ChannelCoder's stock image. */
const SETUP = [
  'useradd --create-home --uid 1000 --shell /bin/bash node',
  'install --directory --owner=node --group=node /home/node/.claude /workspace',
].join(' && ');

/** As in the stock image. `docker commit` takes all other settings from the container, whose command must not be kept. */
const SETTINGS = ['USER node', 'WORKDIR /workspace', 'ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]', 'CMD ["claude"]'];

/** Shell code, run as root in the `code` image. A conversation fills the folder of compiled code for the users of the tests. */
const COMPILE = [
  'export MODEL_SCRIPT=\'[{"text":"Hello"}]\' COMPILED=/opt/claude-code/compiled',
  'install --directory $COMPILED',
  'claude -p Hello >/dev/null',
  // Node keeps a folder for each user. The files in these folders are the same.
  'cp --recursive $COMPILED/*-0 "$(echo $COMPILED/*-0 | sed s/-0$/-1000/)"',
  'chmod --recursive go=rX $COMPILED',
].join(' && ');

/** The files of the bare image: path in the image → file in this folder. Other images add one of the lists below. */
const BARE_FILES = { 'usr/local/bin/entrypoint.sh': 'entrypoint.sh' };
const MODEL_FILES = {
  'opt/model/environment.mjs': 'environment.mjs',
  'opt/model/model.mjs': 'model.mjs',
  'opt/model/messages.mjs': 'messages.mjs',
};
const CLAUDE_FILES = { ...MODEL_FILES, 'opt/model/claude.mjs': 'claude.mjs' };
const NEWEST_FILES = { ...MODEL_FILES, 'opt/model/serve.mjs': 'serve.mjs', 'usr/local/bin/claude': 'newest-claude.sh' };
const NEWEST_PROGRAM = 'opt/claude-code/claude';
/**
 * The settings file of the terminal UI in the `claude` image. Without it the UI first asks for a theme, for trust in
 * `/workspace`, for the use of the wrapper's API key (known by its last 20 characters), and whether to skip permissions.
 */
const MEMORY = 'home/node/.claude.json';
/** The settings of the `fresh` image. Without a key the UI would first look for its login page on the network, and give up. */
const FRESH = { customApiKeyResponses: { approved: ['k-ant-scripted-model'], rejected: [] } };
const SET_UP = {
  ...FRESH,
  hasCompletedOnboarding: true,
  lastOnboardingVersion: CLAUDE.oldest,
  bypassPermissionsModeAccepted: true,
  projects: { '/workspace': { hasTrustDialogAccepted: true } },
};

/** The `quick` image is the bare image with a shell script as `claude`. */
const QUICK_FILES = { 'usr/local/bin/claude': 'quick-claude.sh' };
/** A link, so that the wrapper finds the model's files beside itself, in this folder and in the image. */
const CLAUDE_COMMAND = { link: 'usr/local/bin/claude', to: '/opt/model/claude.mjs' };

/**
 * @typedef {{
 *   debian: string, bare: string, code: string, fresh: string, claude: string, native: string, newest: string, quick: string,
 * }} ImageNames
 * Each image is a layer on the image before, except: `claude` and `fresh` are both on `code`, `native` and `quick` on `bare`.
 * A name ends with the hash of the image's inputs. So an image is built again if its inputs change, and only then.
 */

/** @typedef {(args: string[], options?: { stdinFile?: string }) => Promise<string>} Docker */

/** @returns {Promise<ImageNames>} */
export async function imageNames() {
  const debian = hash([SUITE, DEBIAN_PACKAGES, SETUP, ...LEFT_OUT, process.arch]);
  const bare = hash([debian, NODE, ...SETTINGS, ...(await contents(BARE_FILES))]);
  const code = hash([
    bare,
    CLAUDE.oldest,
    COMPILE,
    ...Object.values(CLAUDE_COMMAND),
    ...(await contents(CLAUDE_FILES)),
  ]);
  const fresh = hash([code, MEMORY, JSON.stringify(FRESH)]);
  const claude = hash([code, MEMORY, JSON.stringify(SET_UP)]);
  const native = hash([bare, CLAUDE.newest, ...(await contents(NEWEST_FILES))]);
  const newest = hash([native, MEMORY, JSON.stringify(SET_UP)]);
  const quick = hash([bare, ...(await contents(QUICK_FILES))]);
  return {
    debian: `${REPOSITORY}:debian-${debian}`,
    bare: `${REPOSITORY}:bare-${bare}`,
    code: `${REPOSITORY}:code-${code}`,
    fresh: `${REPOSITORY}:fresh-${fresh}`,
    claude: `${REPOSITORY}:claude-${claude}`,
    native: `${REPOSITORY}:native-${native}`,
    newest: `${REPOSITORY}:newest-${newest}`,
    quick: `${REPOSITORY}:quick-${quick}`,
  };
}

/** @param {Record<string, string>} files */
const contents = (files) =>
  Promise.all(
    Object.entries(files).map(async ([to, from]) => to + (await readFile(join(import.meta.dirname, from), 'utf8'))),
  );

/** @param {string[]} parts */
const hash = (parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);

/**
 * @param {string} socket
 * @param {string} image
 * @returns {Promise<string | undefined>} The image's id, if the engine has it.
 */
async function imageId(socket, image) {
  const answer = await ask(socket, `/images/${image}/json`);
  return answer?.status === 200 ? JSON.parse(answer.body).Id : undefined;
}

/**
 * @param {string} socket
 * @param {ImageNames} names
 */
export async function hasImages(socket, names) {
  const { bare, fresh, claude, newest, quick } = names;
  const ids = await Promise.all(
    [bare, fresh, newest, quick, claude, DEFAULT_TAG].map((image) => imageId(socket, image)),
  );
  return !ids.includes(undefined) && ids.at(-2) === ids.at(-1);
}

/**
 * Builds the images that are missing.
 *
 * @param {{ socket: string, cache: string, names: ImageNames, log: (message: string) => void }} options
 */
export async function buildImages({ socket, cache, names, log }) {
  /** @type {Docker} */
  const docker = (args, options = {}) => run('docker', ['--host', `unix://${socket}`, ...args], options);
  /** @param {string} image */
  const isMissing = async (image) => (await imageId(socket, image)) === undefined;

  if (await isMissing(names.debian)) {
    log(`installing a ${SUITE} system with debootstrap (half a minute)`);
    await inTemporaryFolder(cache, async (folder) => {
      const root = join(folder, 'root');
      await run('debootstrap', ['--variant=minbase', `--include=${DEBIAN_PACKAGES}`, SUITE, root, MIRROR]);
      await run('chroot', [root, 'sh', '-c', SETUP]);
      const tar = join(folder, 'root.tar');
      await run('tar', ['-C', root, ...LEFT_OUT.map((path) => `--exclude=./${path}`), '-cf', tar, '.']);
      await docker(['import', tar, names.debian]);
    });
  }
  if (await isMissing(names.bare)) {
    log(`adding node ${NODE} and the entrypoint`);
    const tarball = await npmTarball(cache, `node-linux-${process.arch}`, NODE);
    await inTemporaryFolder(cache, async (folder) => {
      await place(folder, BARE_FILES);
      const target = join(folder, 'usr/local/bin');
      await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=2', 'package/bin/node']);
      await addLayer(docker, { parent: names.debian, folder, proof: 'node', name: names.bare });
    });
  }
  if (await isMissing(names.code)) {
    log(`adding Claude Code ${CLAUDE.oldest} and the scripted model`);
    const tarball = await npmTarball(cache, '@anthropic-ai/claude-code', CLAUDE.oldest);
    await inTemporaryFolder(cache, async (folder) => {
      await place(folder, CLAUDE_FILES);
      await mkdir(join(folder, 'usr/local/bin'), { recursive: true });
      await symlink(CLAUDE_COMMAND.to, join(folder, CLAUDE_COMMAND.link));
      const target = join(folder, 'opt/claude-code');
      await mkdir(target, { recursive: true });
      const foreign = ['*-win32', '*-darwin', '*.d.ts'].map((pattern) => `--exclude=${pattern}`);
      await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1', ...foreign]);
      await addLayer(docker, { parent: names.bare, folder, proof: 'claude', name: names.code, setup: COMPILE });
    });
  }
  if (await isMissing(names.native)) {
    log(`adding Claude Code ${CLAUDE.newest}, the native program`);
    const tarball = await npmTarball(cache, `@anthropic-ai/claude-code-linux-${process.arch}`, CLAUDE.newest);
    await inTemporaryFolder(cache, async (folder) => {
      await place(folder, NEWEST_FILES);
      const target = join(folder, dirname(NEWEST_PROGRAM));
      await mkdir(target, { recursive: true });
      await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1', 'package/claude']);
      await addLayer(docker, { parent: names.bare, folder, proof: 'claude', name: names.native });
    });
  }
  for (const [name, parent, memory] of /** @type {const} */ ([
    [names.fresh, names.code, FRESH],
    [names.claude, names.code, SET_UP],
    [names.newest, names.native, SET_UP],
  ])) {
    if (!(await isMissing(name))) continue;
    log("adding what Claude Code's terminal UI remembers");
    await inTemporaryFolder(cache, async (folder) => {
      await mkdir(join(folder, dirname(MEMORY)), { recursive: true });
      await writeFile(join(folder, MEMORY), JSON.stringify(memory));
      await addLayer(docker, { parent, folder, proof: 'claude', name, files: [MEMORY], owner: 1000 });
    });
  }
  if (await isMissing(names.quick)) {
    log("adding a 'claude' that is a shell script");
    await inTemporaryFolder(cache, async (folder) => {
      await place(folder, QUICK_FILES);
      await addLayer(docker, { parent: names.bare, folder, proof: 'claude', name: names.quick });
    });
  }
  await docker(['tag', names.claude, DEFAULT_TAG]);
}

/**
 * Puts files of this folder at their places below `root`.
 *
 * @param {string} root
 * @param {Record<string, string>} files
 */
async function place(root, files) {
  for (const [to, from] of Object.entries(files)) {
    const target = join(root, to);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(import.meta.dirname, from), target);
    await chmod(target, 0o755);
  }
}

/**
 * Makes an image of `parent` plus the files in `folder`. Copy and commit need no builder, so they work with any engine and
 * client. The classic builder is leaving Docker, and Debian's package has no BuildKit.
 *
 * @param {Docker} docker
 * @param {{
 *   parent: string, folder: string, proof: string, name: string, files?: string[], owner?: number, setup?: string,
 * }} layer
 *   `proof` is a command that has to answer `--version` before the image gets its name. `files` (default: all in `folder`)
 *   will belong to `owner` (default: root). If the owner is another one, do not list folders that the image already has.
 *   `setup` runs last, as root and without network.
 */
async function addLayer(docker, { parent, folder, proof, name, files = ['.'], owner = 0, setup = 'true' }) {
  const tar = `${folder}.tar`;
  const command = ['--user', '0', '--network', 'none', '--entrypoint', '/bin/sh', parent, '-c', setup];
  const container = await docker(['create', ...command]);
  try {
    // Owner and mode are set here, so that they do not depend on this account's umask or on the tarball's author.
    const owned = [`--owner=${owner}`, `--group=${owner}`, '--mode=u+rwX,go=rX'];
    await run('tar', ['-C', folder, ...owned, '-cf', tar, ...files]);
    await docker(['cp', '-', `${container}:/`], { stdinFile: tar });
    await docker(['start', '--attach', container]);
    const id = await docker(['commit', ...SETTINGS.flatMap((line) => ['--change', line]), container]);
    await docker(['run', '--rm', '--entrypoint', `/usr/local/bin/${proof}`, id, '--version']).catch((error) => {
      throw new Error(`${proof} of this machine does not run in a ${SUITE} container: ${error.message}`, {
        cause: error,
      });
    });
    await docker(['tag', id, name]);
  } finally {
    await docker(['rm', '--force', container]);
    await run('rm', ['-f', tar]);
  }
}

/**
 * @param {string} cache
 * @param {string} name
 * @param {string} version
 * @returns {Promise<string>} The package's tarball, downloaded once.
 */
async function npmTarball(cache, name, version) {
  const tarball = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
  if ((await readdir(cache)).includes(tarball)) return join(cache, tarball);
  return inTemporaryFolder(cache, async (folder) => {
    await run('npm', ['pack', `${name}@${version}`, '--pack-destination', folder, '--silent']);
    await rename(join(folder, tarball), join(cache, tarball));
    return join(cache, tarball);
  });
}

/**
 * @template T
 * @param {string} cache
 * @param {(folder: string) => Promise<T>} work
 */
async function inTemporaryFolder(cache, work) {
  // The lock allows one build at a time. So another folder with such a name was left by a killed build. A killed debootstrap
  // may leave /proc mounted in that folder, so rm stays on this file system.
  const remove = () => run('sh', ['-c', 'rm -rf --one-file-system "$0"/build-*', cache]);
  await remove();
  const folder = await mkdtemp(join(cache, 'build-'));
  try {
    return await work(folder);
  } finally {
    await remove();
  }
}
