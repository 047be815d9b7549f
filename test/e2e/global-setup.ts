import { execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { DockerEnvironment } from '../../src/core/orchestration/docker/docker-environment.js';
import { StoredLogin } from '../../src/core/orchestration/login/stored-login.js';
import { ensureEngine } from './engine/engine.mjs';

type Engine = Awaited<ReturnType<typeof ensureEngine>>;

declare module 'vitest' {
  interface ProvidedContext {
    engine: Engine;
    /** The folder of the programs that tests run in processes of their own, bundled. */
    programs: string;
    /** A state folder's file with what is known about the images. */
    probed: string;
    /** The engine and the programs, at paths that every user of the machine can reach. */
    open: { host: string; programs: string };
  }
}

const run = promisify(execFile);

/** Starts the private engine for all end-to-end tests. The engine keeps running, so that the next test run begins at once. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = await ensureEngine({ log: (message) => console.error(`test engine: ${message}`) });
  await removeLeft(engine.host);
  project.provide('engine', engine);
  await bundlePrograms();
  project.provide('programs', PROGRAMS);
  const probed = await mkdtemp(join(tmpdir(), 'orchestration-probed-'));
  await probeImages(probed, engine);
  project.provide('probed', join(probed, 'images.json'));
  const open = await openFolder(engine);
  project.provide('open', { host: `unix://${open}/docker.sock`, programs: join(open, 'checkout', PROGRAMS_BELOW) });
  return async () => {
    for (const name of ['docker.sock', 'checkout']) await run('umount', [join(open, name)]);
    for (const path of [open, probed]) await rm(path, { recursive: true });
  };
}

/**
 * A folder in which every user reaches the engine and the checkout, wherever they are. Some tests run as another user, and the
 * engine is below root's home folder.
 */
async function openFolder({ host }: Engine): Promise<string> {
  const open = await mkdtemp(join(tmpdir(), 'orchestration-open-'));
  const [socket, checkout] = [join(open, 'docker.sock'), join(open, 'checkout')];
  await chmod(open, 0o755);
  await writeFile(socket, '');
  await mkdir(checkout);
  await run('mount', ['--bind', host.replace('unix://', ''), socket]);
  await run('mount', ['--bind', ROOT, checkout]);
  return open;
}

/** Below `node_modules`, where the bundles find the packages that they import. */
const PROGRAMS_BELOW = 'node_modules/.cache/test-programs';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = join(ROOT, PROGRAMS_BELOW);

/** A bundle starts in a third of the time that the sources take, which have to be translated at each start. */
async function bundlePrograms(): Promise<void> {
  const entries = [
    '--entry.host',
    'test/e2e/fixtures/host.ts',
    '--entry.killed-host',
    'test/faults/fixtures/host.ts',
    '--entry.killed-at-end',
    'test/faults/fixtures/killed-at-end.ts',
    '--entry.sharing',
    'test/e2e/fixtures/sharing.ts',
    '--entry.library',
    'src/index.ts',
  ];
  const format = ['--format', 'esm', '--target', 'node20', '--out-dir', PROGRAMS, '--clean', '--silent'];
  await run('npx', ['tsup', '--no-config', ...entries, ...format]);
}

/** Probes the images once for all tests. Otherwise each test would probe its image, because each has its own state folder. */
async function probeImages(stateDir: string, engine: Engine): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: engine.host };
  const login = new StoredLogin({ source: false, env, home: homedir() });
  const docker = new DockerEnvironment({ stateDir, env, home: homedir(), starter: { spawn }, login });
  const ground = (image: string, cwd: string, user?: string) =>
    docker.planner.ground({ docker: { image, ...(user !== undefined && { user }) }, cwd, readOnly: false });
  const folders = await ownedFolders(stateDir);
  const [own = stateDir, ...others] = folders;
  await Promise.all(
    [engine.image, engine.newestImage, engine.quickImage].map(async (image) => {
      await Promise.all([ground(image, own), ground(image, stateDir, '0:0')]);
      if (image !== engine.quickImage) await Promise.all(others.map((folder) => ground(image, folder)));
    }),
  );
  await chmod(stateDir, 0o755);
  await chmod(join(stateDir, 'images.json'), 0o644);
  await docker.close();
}

/** Folders of the users whose sessions the tests start. */
async function ownedFolders(folder: string): Promise<string[]> {
  return Promise.all(
    [1000, 1234, 0].map(async (owner) => {
      const path = join(folder, String(owner));
      await mkdir(path);
      await chown(path, owner, owner);
      return path;
    }),
  );
}

/** Every test has ended by then. */
const OLD_MS = 10 * 60_000;

/**
 * Removes the containers of earlier test runs. Tests kill the processes that use the library, and people kill tests. Without
 * this, the containers that are left would count as those of this test run.
 */
async function removeLeft(host: string): Promise<void> {
  const docker = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await run('docker', ['--host', host, ...args]);
    return stdout.split('\n').filter((line) => line !== '');
  };
  const ids = await docker('ps', '--all', '--quiet', '--filter', 'label=autonomous-orchestration.owner');
  if (ids.length === 0) return;
  // Another test run may be active at the same time. It may just have removed a container, and its own containers must stay.
  const made = await docker('inspect', '--format', '{{.Id}} {{.Created}}', ...ids).catch(() => []);
  const old = made.flatMap((line) => {
    const [id = '', at = ''] = line.split(' ');
    return Date.now() - Date.parse(at) > OLD_MS ? [id] : [];
  });
  if (old.length > 0) await docker('rm', '--force', '--volumes', ...old);
}
