import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CreateSessionOptions, SessionManagerOptions } from 'autonomous-orchestration';
import { inject, onTestFinished } from 'vitest';

/** See `fixtures/host.ts`. */
export interface HostTask {
  stateDir: string;
  session: CreateSessionOptions;
  manager?: SessionManagerOptions;
  call?: { on: string; method: 'steer' | 'pause' | 'cancel' | 'continue'; args: string[] };
  dieAt?: string;
  leave?: 'end' | 'exit';
}

/** A program that uses the library, in a separate process. It runs one session. */
export class Host {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly #lines: { type: string; sessionId: string }[] = [];
  readonly #wanted: { type: string; found: (sessionId: string) => void }[] = [];

  /** @param env added to the environment of the test */
  constructor(task: HostTask, env: NodeJS.ProcessEnv = {}) {
    const args = [
      join(process.getuid?.() === 0 ? inject('programs') : inject('open').programs, 'host.js'),
      JSON.stringify(task),
    ];
    const options = {
      env: { ...process.env, ...env },
      stdio: ['ignore' as const, 'pipe' as const, 'inherit' as const],
    };
    this.process = spawn(process.execPath, args, options);
    this.exited = once(this.process, 'exit');
    onTestFinished(() => void this.process.kill('SIGKILL'));
    if (!this.process.stdout) throw new Error('the process has no output');
    createInterface({ input: this.process.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { type: string; sessionId: string };
      this.#lines.push(line);
      for (const { type, found } of this.#wanted) if (type === line.type) found(line.sessionId);
    });
  }

  /** Resolves with the session's id at the first event of a type. */
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

/** Runs a session in a separate process, and kills that process at the first event of a type. Returns the session's id. */
export async function killedWhen(type: string, task: HostTask): Promise<string> {
  const host = new Host(task);
  const id = await host.when(type);
  await host.kill();
  return id;
}
