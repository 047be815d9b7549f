import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateSessionOptions, RecoveryReport, UnifiedSession } from 'autonomous-orchestration';
import { expect, inject, it, onTestFinished } from 'vitest';
import { bash, containersLeft, figure, seededRandom, size, stateFolder, tempFolder } from './support.js';

const KILLS = size(10, 50);
const SESSIONS = 13;
const SEED = Number(process.env.SEED ?? Date.now() % 100_000);

/** The longest life of a process. Four processes complete a round of thirteen sessions. */
const LIFE_MS = 1_500;
const NEVER = new Promise<undefined>(() => {});

/** What `fixtures/host.ts` reports, by type. */
interface Lines {
  up: object;
  recovered: { report: RecoveryReport };
  true: object;
  done: { sessions: UnifiedSession[] };
}

interface Scene {
  task: string;
  workspaces: string;
  stateDir: string;
  taskIds: string[];
}

it(`a process that is killed at ${KILLS} random moments loses no session and runs none twice`, async () => {
  const random = seededRandom(SEED);
  const recoverTimes: number[] = [];
  const settleTimes: number[] = [];
  const found = { adopted: 0, closed: 0, requeued: 0, known: 0 };
  let kills = 0;

  const see = async (host: Host): Promise<void> => {
    const { at, report } = await host.next('recovered');
    recoverTimes.push(at);
    expect(report, `seed ${SEED}`).toMatchObject({ lost: [], skipped: [], rebuilt: [] });
    // A process that is killed while it probes an image leaves the container of the probe. A process that is killed after it
    // recorded the end of a session and before it removed the container leaves that container.
    const ended = new Set([...report.known, ...report.closed]);
    const left = report.containers.filter((name) => !name.startsWith('ao-probe-'));
    expect(
      left.filter((name) => !ended.has(name.split('-')[1] ?? '')),
      `seed ${SEED}`,
    ).toEqual([]);
    for (const kind of ['adopted', 'closed', 'requeued', 'known'] as const) found[kind] += report[kind].length;
    settleTimes.push((await host.next('true')).at);
  };

  while (kills < KILLS) {
    const scene = await prepare();
    let last: { sessions: UnifiedSession[] } | undefined;
    while (!last) {
      const host = new Host(scene.task);
      await host.next('up');
      const seen = see(host);
      const done = host.next('done');
      const killed = kills < KILLS ? delay(random() * LIFE_MS, undefined) : NEVER;
      last = await Promise.race([killed, done]);
      if (!last) kills++;
      await host.kill();
      await Promise.race([seen, host.silent]);
    }
    await verify(scene, last.sessions);
  }
  figure('kills of a host with 13 sessions', `${kills}, 0 lost, 0 run twice (seed ${SEED})`);
  const counts = Object.entries(found).map(([kind, count]) => `${count} ${kind}`);
  figure('sessions that recover() met', counts.join(', '));
  figure('recover(), median and longest', spread(recoverTimes));
  figure('every session in its true state after the start of recover()', spread(settleTimes));
}, 300_000);

/** Every session has run once, to its end, and only its record is left. */
async function verify({ taskIds, workspaces, stateDir }: Scene, sessions: UnifiedSession[]): Promise<void> {
  expect(sessions.map(({ taskId }) => taskId).sort(), `seed ${SEED}`).toEqual(taskIds);
  for (const { taskId = '', status, result, runs, metadata } of sessions) {
    expect({ status, result, runs: runs.length, tools: metadata.toolsUsed }, `seed ${SEED}`).toMatchObject({
      status: 'completed',
      result: { reason: 'success', exitCode: 0, text: `Done ${taskId}.` },
      runs: 1,
      tools: [{ outcome: 'ok' }, { outcome: 'ok' }],
    });
    expect(await readFile(join(workspaces, taskId, 'runs.txt'), 'utf8'), 'how often it ran').toBe('run\n');
  }
  expect(await containersLeft(sessions)).toEqual([]);
  expect(await processesIn(stateDir)).toEqual([]);
}

function spread(times: number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  return `${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, ${Math.round(sorted.at(-1) ?? 0)} ms`;
}

/** A state folder and thirteen sessions, in a file for the process that will run them. */
async function prepare(): Promise<Scene> {
  const workspaces = await tempFolder(0);
  const stateDir = await stateFolder();
  const taskIds = Array.from({ length: SESSIONS }, (_, index) => `task-${String(index).padStart(2, '0')}`);
  const sessions: CreateSessionOptions[] = [];
  for (const taskId of taskIds) {
    const cwd = join(workspaces, taskId);
    await mkdir(cwd);
    await chown(cwd, 1000, 1000);
    // Variables of a session would have to be given to recover() again; a file does not.
    const script = [bash('echo run >> runs.txt'), bash('sleep 0.2'), { text: `Done ${taskId}.` }];
    await writeFile(join(cwd, '.model-script.json'), JSON.stringify(script));
    sessions.push({ prompt: `Do ${taskId}`, cwd, taskId });
  }
  const task = join(workspaces, 'task.json');
  await writeFile(task, JSON.stringify({ manager: { stateDir }, sessions }));
  return { task, workspaces, stateDir, taskIds };
}

/** Processes of this machine whose working folder is in a folder, such as docker clients. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return folders.filter((path) => path.startsWith(folder));
}

/** A process that runs a manager, and what it reports. */
class Host {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  /** Resolves when the output of the process has ended. */
  readonly silent: Promise<unknown>;
  readonly #told = new Map<string, { at: number }>();
  readonly #wanted = new Map<string, (line: unknown) => void>();
  #upAt = 0;

  constructor(task: string) {
    this.#process = spawn(process.execPath, [join(inject('programs'), 'killed-host.js'), task], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#exited = once(this.#process, 'exit');
    onTestFinished(() => void this.#process.kill('SIGKILL'));
    const lines = createInterface({ input: this.#process.stdout ?? process.stdin });
    this.silent = once(lines, 'close');
    lines.on('line', (text) => this.#hear(text));
  }

  /** The first line of a type, `at` in milliseconds since the process was up. Never resolves if it is killed before. */
  next<Type extends keyof Lines>(type: Type): Promise<Lines[Type] & { at: number }> {
    const told = this.#told.get(type);
    return new Promise((resolve) => {
      if (told) resolve(told as Lines[Type] & { at: number });
      else this.#wanted.set(type, resolve as (line: unknown) => void);
    });
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  #hear(text: string): void {
    const line = JSON.parse(text) as { type: string };
    if (line.type === 'up') this.#upAt = performance.now();
    const told = { ...line, at: performance.now() - this.#upAt };
    this.#told.set(line.type, told);
    this.#wanted.get(line.type)?.(told);
  }
}
