import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CreateSessionOptions, SessionManagerOptions } from 'autonomous-orchestration';
import { onTestFinished } from 'vitest';

/** See `fixtures/host.ts`. */
export interface HostTask {
  stateDir: string;
  session: CreateSessionOptions;
  manager?: SessionManagerOptions;
  call?: { on: string; method: 'steer' | 'pause' | 'cancel' | 'continue'; args: string[] };
  dieAt?: string;
}

/** An application in its own process, which runs one session. */
export class Host {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly #lines: { type: string; sessionId: string }[] = [];
  readonly #wanted: { type: string; found: (sessionId: string) => void }[] = [];

  /** @param env besides that of the test */
  constructor(task: HostTask, env: NodeJS.ProcessEnv = {}) {
    const fixture = join(import.meta.dirname, 'fixtures/host.ts');
    const args = ['--import', 'tsx', fixture, JSON.stringify(task)];
    const options = {
      env: { ...process.env, ...env },
      stdio: ['ignore' as const, 'pipe' as const, 'inherit' as const],
    };
    this.process = spawn(process.execPath, args, options);
    this.exited = once(this.process, 'exit');
    onTestFinished(() => void this.process.kill('SIGKILL'));
    if (!this.process.stdout) throw new Error('the host has no output');
    createInterface({ input: this.process.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { type: string; sessionId: string };
      this.#lines.push(line);
      for (const { type, found } of this.#wanted) if (type === line.type) found(line.sessionId);
    });
  }

  /** The id of the session, as soon as an event of the given type has come. */
  when(type: string): Promise<string> {
    const line = this.#lines.find((told) => told.type === type);
    if (line) return Promise.resolve(line.sessionId);
    return new Promise((found) => this.#wanted.push({ type, found }));
  }

  /** Ends the process together with its session. */
  async end(): Promise<void> {
    this.process.kill('SIGTERM');
    await this.exited;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}

/** Runs a session until a given event, and then kills its process. */
export async function killedWhen(type: string, task: HostTask): Promise<string> {
  const host = new Host(task);
  const id = await host.when(type);
  await host.kill();
  return id;
}
