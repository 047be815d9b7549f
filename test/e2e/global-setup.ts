import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { DockerEnvironment } from '../../src/core/orchestration/docker/docker-environment.js';
import { ensureEngine } from './engine/engine.mjs';

type Engine = Awaited<ReturnType<typeof ensureEngine>>;

declare module 'vitest' {
  interface ProvidedContext {
    engine: Engine;
    /** The file of a state folder that has what is known of the images. */
    probed: string;
  }
}

const run = promisify(execFile);

/** Brings the private engine up for all end-to-end tests; it is left running, so that the next run begins at once. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = await ensureEngine({ log: (message) => console.error(`test engine: ${message}`) });
  await removeLeft(engine.host);
  project.provide('engine', engine);
  const probed = await mkdtemp(join(tmpdir(), 'orchestration-probed-'));
  await probeImages(probed, engine);
  project.provide('probed', join(probed, 'images.json'));
  return () => rm(probed, { recursive: true });
}

/** Probes the images for all tests. Each test has a state folder of its own, and would probe its image otherwise. */
async function probeImages(stateDir: string, engine: Engine): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: engine.host };
  const docker = new DockerEnvironment({ stateDir, env, home: homedir(), spawn });
  for (const image of [engine.image, engine.newestImage, engine.quickImage]) {
    await docker.planner.ground({ docker: { image } });
    await docker.planner.ground({ docker: { image, user: '0:0' } });
  }
  docker.close();
}

/** Every test has ended long before this time. */
const OLD_MS = 10 * 60_000;

/** Tests kill processes, and people kill tests: what an earlier test run has left would count for this one. */
async function removeLeft(host: string): Promise<void> {
  const docker = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await run('docker', ['--host', host, ...args]);
    return stdout.split('\n').filter((line) => line !== '');
  };
  const ids = await docker('ps', '--all', '--quiet', '--filter', 'label=autonomous-orchestration.owner');
  if (ids.length === 0) return;
  // Another run may be under way beside this one.
  const made = await docker('inspect', '--format', '{{.Id}} {{.Created}}', ...ids).catch(() => []); // A container may just have been removed.
  const old = made.flatMap((line) => {
    const [id = '', at = ''] = line.split(' ');
    return Date.now() - Date.parse(at) > OLD_MS ? [id] : [];
  });
  if (old.length > 0) await docker('rm', '--force', '--volumes', ...old);
}
