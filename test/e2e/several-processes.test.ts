import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type CreateSessionOptions,
  openSessions,
  type SessionManagerOptions,
  type UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { expect, inject, it, onTestFinished } from 'vitest';
import { bash, containersGone, scripted, stateFolder, tempFolder } from './support.js';

interface Line {
  readonly type: string;
  readonly sessionId?: string;
  readonly status?: string;
  readonly running?: number;
}

/** One process, see `fixtures/sharing.ts`. */
class Sharing {
  readonly lines: Line[] = [];
  readonly exited: Promise<unknown[]>;
  readonly #process: ChildProcess;

  constructor(task: { role: 'server' | 'script'; manager: SessionManagerOptions; create?: CreateSessionOptions[] }) {
    const program = join(inject('programs'), 'sharing.js');
    this.#process = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exited = once(this.#process, 'close');
    onTestFinished(() => void this.#process.kill('SIGKILL'));
    if (!this.#process.stdout) throw new Error('the process has no output');
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.lines.push(JSON.parse(line)));
  }

  async when(type: string, times = 1): Promise<void> {
    await expect.poll(() => this.lines.filter((line) => line.type === type).length).toBeGreaterThanOrEqual(times);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
  }

  of(type: string): Line[] {
    return this.lines.filter((line) => line.type === type);
  }
}

/** The sessions end when there is a file `go`. */
const HELD = scripted(bash('while [ ! -e go ]; do sleep 0.1; done; echo gone on'), { text: 'Done.' });

const isHolding = ({ metadata }: UnifiedSession): boolean => metadata.toolsUsed.length > 0;

it('three scripts share the sessions of a server that is killed and started again in the middle', async () => {
  const stateDir = await stateFolder();
  const cwd = await tempFolder();
  const manager = { stateDir, ...HELD };
  const create = Array.from({ length: 2 }, () => ({ prompt: 'Wait.', cwd }));

  const first = new Sharing({ role: 'server', manager });
  await first.when('listening');
  const scripts = Array.from({ length: 3 }, () => new Sharing({ role: 'script', manager, create }));
  for (const script of scripts) await script.when('client');
  // Three sessions run, whichever process has created them.
  const watching = await openSessions({ stateDir });
  const holding = (): number => watching.list({ status: 'running' }).filter(isHolding).length;
  await expect.poll(holding).toBe(3);
  await expect.poll(() => watching.list({ status: 'queued' }).length).toBe(3);
  await watching.close();
  await first.kill();
  const next = new Sharing({ role: 'server', manager });
  await next.when('listening');
  for (const script of scripts) await script.when('session:recovered', 6);
  await writeFile(join(cwd, 'go'), '');

  for (const script of scripts) {
    expect(await script.exited).toEqual([0, null]);
    expect(script.of('ended').map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(Math.max(...script.of('running').map(({ running }) => running ?? 0))).toBe(3);
  }
  const sessions = await openSessions({ stateDir });
  expect(sessions.list()).toHaveLength(6);
  expect(new Set(sessions.list().map(({ status }) => status))).toEqual(new Set(['completed']));
  await sessions.close();
  await next.kill();
});

it('a script without a server owns the sessions itself, and the next one takes them over', async () => {
  const stateDir = await stateFolder();
  const cwd = await tempFolder();
  const manager = { stateDir, ...HELD };
  const script = new Sharing({ role: 'script', manager, create: [{ prompt: 'Wait.', cwd }] });
  await script.when('session:tool');
  expect(script.of('owner')).toHaveLength(1);
  await script.kill();
  const sessions = await openSessions(manager);
  onTestFinished(() => (sessions as UnifiedSessionManager).close({ sessions: 'cancel' }));
  expect(sessions).toBeInstanceOf(UnifiedSessionManager);
  const [session] = sessions.list();
  await writeFile(join(cwd, 'go'), '');
  expect(await sessions.waitFor(session?.id ?? '')).toMatchObject({ status: 'completed' });
  await containersGone({ stateDir });
});
