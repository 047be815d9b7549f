import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { daemonPid, enginePaths, startDaemon, stopDaemon } from '../e2e/engine/daemon.mjs';
import { unmountAll } from '../e2e/engine/network.mjs';
import { attempt, engine, until } from './support.js';

/** A private Docker engine, which a test may kill. It has only the quick image, and is removed with everything in it. */
export class PrivateEngine {
  readonly #paths = enginePaths(`faults-${process.pid}`);
  readonly host = `unix://${this.#paths.socket}`;

  /** @param options see `startDaemon` */
  static async start(options: { remapsUsers?: boolean } = {}): Promise<PrivateEngine> {
    const made = new PrivateEngine();
    await made.start(options);
    const save = spawn('docker', ['save', engine.quickImage], { stdio: ['ignore', 'pipe', 'inherit'] });
    const load = spawn('docker', ['--host', made.host, 'load', '--quiet'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const ends = [once(save, 'exit'), once(load, 'exit')];
    await pipeline(save.stdout, load.stdin);
    for (const [code] of await Promise.all(ends))
      if (code !== 0) throw new Error(`docker save | load ended with ${code}`);
    return made;
  }

  async start(options: { liveRestore?: boolean; remapsUsers?: boolean } = {}): Promise<void> {
    await startDaemon(this.#paths, options);
  }

  /** Ends dockerd and nothing else. Resolves when dockerd is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const pid = await daemonPid(this.#paths);
    if (pid === undefined) throw new Error('the private engine does not run');
    process.kill(pid, signal);
    await until('the end of dockerd', async () => (await daemonPid(this.#paths)) === undefined);
  }

  async docker(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await attempt('docker', ['--host', this.host, ...args]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  /** Ends the engine and its containers, also containers that have outlived the engine. */
  async remove(): Promise<void> {
    await this.start();
    const ids = await this.docker('ps', '--all', '--quiet');
    if (ids !== '') await this.docker('rm', '--force', ...ids.split('\n'));
    await stopDaemon(this.#paths);
    // A killed dockerd leaves its mounts behind, including the mount of its own folder.
    await unmountAll(this.#paths.cache);
    await rm(this.#paths.cache, { recursive: true, force: true });
  }
}
