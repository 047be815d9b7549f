import { randomUUID } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BaseExecutor,
  type Leftover,
  OrchestrationError,
  type Preparation,
  type RecoverOptions,
  type ResolvedPolicy,
  type RunEnd,
  type RunHandle,
  type RunRequest,
  type SessionEvent,
  type SessionManagerOptions,
  type SessionSpec,
  type UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { expect, onTestFinished, vi } from 'vitest';
import { endedRun } from '../../src/core/orchestration/contract/run-handle.js';
import { SessionFolder } from '../../src/core/orchestration/contract/session-folder.js';
import type { StoredRecord } from '../../src/core/orchestration/store/disk/stored-record.js';
import { type Deferred, deferred } from '../../src/core/orchestration/util/deferred.js';
import { eventually } from './eventually.js';
import { everyMode } from './simulate.js';
import { tempFolder } from './temp-folder.js';

/** A fake container. It goes on, whatever happens to the process that started it. */
export class OutlivingRun {
  readonly name: string;
  readonly sessionId: string;
  readonly number: number;
  readonly feedback: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly policy: ResolvedPolicy;
  readonly stops: unknown[] = [];
  readonly started = deferred<{ containerId: string }>();
  readonly ended: Deferred<RunEnd> = deferred();
  /** The hooks of the process that watches the run now. */
  hooks: RunRequest['hooks'];
  paused = false;
  over = false;
  /** Whether the run ends when it is told to stop. */
  obeys = true;
  readonly #world: World;
  readonly #conversation: string;

  constructor(world: World, request: RunRequest) {
    const { spec, run, feedback, hooks, conversationId = randomUUID() } = request;
    this.#conversation = conversationId;
    this.#world = world;
    this.name = nameOf(spec.id, run);
    this.sessionId = spec.id;
    this.number = run;
    this.feedback = feedback;
    this.env = spec.docker === false ? {} : (spec.docker.env ?? {});
    this.hooks = hooks;
    this.policy = spec.policy;
  }

  /** Starts the run and writes the first line of its log. */
  begin(): this {
    this.started.resolve({ containerId: `id of ${this.name}` });
    return this.write({ type: 'system', subtype: 'init', session_id: this.#conversation, model: 'outliving' });
  }

  write(...lines: (object | string)[]): this {
    const { log } = new SessionFolder(this.#world.stateDir, this.sessionId);
    for (const line of lines) appendFileSync(log, `${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    return this;
  }

  say(text: string): this {
    return this.write({ type: 'assistant', message: { id: randomUUID(), content: [{ type: 'text', text }] } });
  }

  /** Writes a successful result into the log and ends the run. */
  complete(text = 'Done.'): void {
    this.write({ type: 'result', subtype: 'success', is_error: false, result: text, num_turns: 1 });
    this.exit({ exitCode: 0 });
  }

  exit(end: RunEnd): void {
    if (this.over) return;
    this.over = true;
    this.ended.resolve(end);
  }
}

/** Everything outside the process that survives its death: the containers and the state folder. */
export class World {
  /** The existing containers by name. A removed container is not among them. */
  readonly runs = new Map<string, OutlivingRun>();
  /** Every launch, in order. */
  readonly launches: OutlivingRun[] = [];
  readonly discarded: string[] = [];
  readonly released: string[] = [];
  /** Called when a run is about to be launched and is not yet in the record. */
  beforePlaced: (name: string) => unknown = () => {};
  /** Called when the name of a run's container is on disk, and the container does not exist yet. */
  beforeLaunch: (name: string) => unknown = () => {};
  /** Called when a container was made, before the record says that the run has started. */
  onLaunch: (run: OutlivingRun) => unknown = (run) => run.begin();
  /** Called when a later process has taken a run over. */
  onAdopt: (run: OutlivingRun) => unknown = () => {};
  isAway = false;
  stateDir = tempFolder();
  /** The workspace of all sessions. It is empty: git is looked for in it before each run. */
  readonly cwd = tempFolder();
  hooked = false;

  /** The container of a session's latest run. */
  runOf(id: string): OutlivingRun {
    const run = this.launches.findLast(({ sessionId }) => sessionId === id);
    if (!run) throw new Error(`Session ${id} has no run.`);
    return run;
  }

  /** A session's record on the disk. */
  stored(id: string): StoredRecord {
    return JSON.parse(readFileSync(this.folder(id).record, 'utf8'));
  }

  folder(id: string): SessionFolder {
    return new SessionFolder(this.stateDir, id);
  }

  /** Resolves when the record on the disk fits. */
  async onDisk(id: string, fits: (session: UnifiedSession) => unknown): Promise<void> {
    await vi.waitUntil(() => fits(this.stored(id).session), 30_000);
  }

  /** A new process whose manager works in this world. */
  host(options: SessionManagerOptions = {}): Host {
    return new Host(this, options);
  }
}

/** A simulated process with a manager. It can be killed. */
export class Host {
  readonly manager: UnifiedSessionManager;
  readonly events: SessionEvent[] = [];
  readonly executor: OutlivingExecutor;
  readonly #world: World;

  constructor(world: World, options: SessionManagerOptions) {
    this.#world = world;
    this.executor = new OutlivingExecutor(world);
    const executors = { ...everyMode(this.executor), orchestration: new LeadingExecutor(world, this.executor) };
    this.manager = new UnifiedSessionManager({ stateDir: world.stateDir, executors, ...options });
    this.manager.on('event', (event) => this.events.push(event));
    onTestFinished(() => this.manager.close());
  }

  get cwd(): string {
    return this.#world.cwd;
  }

  /** A session with a run that has started. The start is in the record on the disk. */
  async running(options: Parameters<UnifiedSessionManager['create']>[0] = {}): Promise<UnifiedSession> {
    const { id } = await this.manager.create({ prompt: 'x', cwd: this.cwd, ...options });
    await eventually(() => expect(this.manager.get(id)).toMatchObject({ channelCoderSession: expect.any(String) }));
    await this.#world.onDisk(id, ({ status }) => status === 'running');
    return this.manager.waitFor(id, { status: 'running' });
  }

  /** Simulates a SIGKILL: from now on, the world has only what is on the disk at this moment, and the containers. */
  async kill(): Promise<void> {
    const left = tempFolder();
    copy(this.#world.stateDir, left);
    this.#world.stateDir = left;
    this.executor.die();
    await this.manager.close();
  }

  /** Takes over the sessions, like a new process. */
  async recover(options?: RecoverOptions) {
    return this.manager.recover(options);
  }

  typesOf(id: string): string[] {
    return this.events.filter(({ sessionId, type }) => sessionId === id && type !== 'queue:changed').map((e) => e.type);
  }
}

class OutlivingExecutor extends BaseExecutor {
  readonly #death: Deferred<void>;
  readonly adoptions: string[];
  readonly #world: World;

  /** @param process another executor of the same process */
  constructor(world: World, process?: OutlivingExecutor) {
    super();
    this.#world = world;
    this.#death = process ? process.#death : deferred();
    this.adoptions = process?.adoptions ?? [];
  }

  async prepare(spec: SessionSpec): Promise<Preparation> {
    const docker = spec.docker !== false;
    return { environment: { docker, dockerImage: docker ? 'image' : '', cwd: spec.cwd } };
  }

  /** Whether the process was killed. Then nothing from it reaches the containers, and it hears nothing from them. */
  get dead(): boolean {
    return this.#death.isSettled;
  }

  /** Simulates that the process is killed. Launches that are under way fail, and nobody will know. */
  die(): void {
    this.#death.resolve();
  }

  async launch(request: RunRequest): Promise<RunHandle> {
    if (this.dead) throw new Error('The process is dead.');
    return this.#unlessDead(this.#launch(request));
  }

  async #launch(request: RunRequest): Promise<RunHandle> {
    await this.#world.beforePlaced(nameOf(request.spec.id, request.run));
    await request.onPlaced({ containerName: nameOf(request.spec.id, request.run) });
    await this.#world.beforeLaunch(nameOf(request.spec.id, request.run));
    const run = new OutlivingRun(this.#world, request);
    if (this.dead) return new Promise(() => {});
    if (this.#world.runs.has(run.name)) throw new Error(`There are two of ${run.name}.`);
    this.#world.runs.set(run.name, run);
    this.#world.launches.push(run);
    await this.#world.onLaunch(run);
    if (this.dead) return new Promise(() => {});
    return this.#handle(run);
  }

  override async adopt(request: RunRequest): Promise<RunHandle | undefined> {
    this.#requireEngine();
    const name = nameOf(request.spec.id, request.run);
    this.adoptions.push(name);
    const run = this.#world.runs.get(name);
    if (!run) {
      const began = request.session.runs.at(-1)?.startedAt !== undefined;
      if (!began) return undefined;
      const ended = Promise.resolve<RunEnd>({ reason: 'lost', error: 'It is gone.' });
      return { ...endedRun({}), ended };
    }
    run.hooks = request.hooks;
    this.#world.onAdopt(run);
    return { ...this.#handle(run), over: run.over };
  }

  override async leftovers(): Promise<Leftover[]> {
    this.#requireEngine();
    const environment = { docker: true, dockerImage: 'image', cwd: this.#world.cwd };
    return [...this.#world.runs.values()].map(({ name, sessionId, number }) => ({
      name,
      ...(sessionId !== '' && { sessionId }),
      run: number,
      mode: 'autonomous',
      environment,
    }));
  }

  override async removeLeftover({ name }: Leftover): Promise<void> {
    this.#world.runs.delete(name);
    this.#world.discarded.push(name);
  }

  #requireEngine(): void {
    if (this.#world.isAway) throw new OrchestrationError('DOCKER_UNAVAILABLE', 'No engine answers.');
  }

  #unlessDead<T>(work: Promise<T>): Promise<T> {
    const killed = this.#death.promise.then(() => Promise.reject(new Error('The process is dead.')));
    return Promise.race([work, killed]);
  }

  #handle(run: OutlivingRun): RunHandle {
    const whileAlive = <T>(promise: Promise<T>): Promise<T> =>
      promise.then((value) => (this.dead ? new Promise<T>(() => {}) : value));
    let letGo = false;
    return {
      started: this.#unlessDead(Promise.race([run.started.promise, run.ended.promise.then(() => undefined)])),
      ended: whileAlive(run.ended.promise).then((end) => (letGo ? new Promise<RunEnd>(() => {}) : end)),
      hooked: this.#world.hooked,
      stop: async (how) => {
        if (this.dead) return;
        run.stops.push(how);
        if (run.obeys) run.exit({ exitCode: 143 });
        await run.ended.promise;
      },
      pausing: {
        paused: run.paused,
        pause: async () => {
          run.paused = true;
        },
        resume: async () => {
          run.paused = false;
        },
      },
      release: async () => {
        if (this.dead) return;
        this.#world.runs.delete(run.name);
        this.#world.released.push(run.name);
      },
      detach: async () => {
        letGo = true;
      },
    };
  }
}

/** Its sessions lead others. The other executor of the process names the containers of both. */
class LeadingExecutor extends OutlivingExecutor {
  override readonly leads = true;

  override async leftovers(): Promise<Leftover[]> {
    return [];
  }
}

function nameOf(id: string, run: number): string {
  return `ao-${id}-${run}`;
}

/** Copies all files except the lock and the socket, whose owner would be dead. A file may be renamed during the copy. */
function copy(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target);
      copy(source, target);
    } else if (entry.isFile() && !entry.name.startsWith('lock.') && existsSync(source)) {
      try {
        copyFileSync(source, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}
