import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { ensureEngine } from './engine/engine.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    engine: Awaited<ReturnType<typeof ensureEngine>>;
  }
}

const run = promisify(execFile);

/** Brings the private engine up for all end-to-end tests; it is left running, so that the next run begins at once. */
export default async function setup(project: TestProject): Promise<void> {
  const engine = await ensureEngine({ log: (message) => console.error(`test engine: ${message}`) });
  await removeLeft(engine.host);
  project.provide('engine', engine);
}

/** A test is long over by then. */
const OLD_MS = 10 * 60_000;

/** Tests kill hosts, and people kill tests: what an earlier run has left would count as this one's. */
async function removeLeft(host: string): Promise<void> {
  const docker = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await run('docker', ['--host', host, ...args]);
    return stdout.split('\n').filter((line) => line !== '');
  };
  const ids = await docker('ps', '--all', '--quiet', '--filter', 'label=autonomous-orchestration.owner');
  if (ids.length === 0) return;
  // Another run may be under way beside this one.
  const made = await docker('inspect', '--format', '{{.Id}} {{.Created}}', ...ids).catch(() => []); // One has just gone.
  const old = made.flatMap((line) => {
    const [id = '', at = ''] = line.split(' ');
    return Date.now() - Date.parse(at) > OLD_MS ? [id] : [];
  });
  if (old.length > 0) await docker('rm', '--force', '--volumes', ...old);
}
