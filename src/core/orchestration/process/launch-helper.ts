import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { type Deferred, deferred, withTimeout } from '../util/deferred.js';
import { answered, helpedProcess, type Outcome, type Reason } from './helped-process.js';
import { HELPER_PROGRAM } from './helper-program.js';
import type { LaunchFiles } from './launch-files.js';
import type { LaunchedProcess, ProcessExit } from './launched-process.js';
import { pidSpace } from './process-identity.js';

/** How long a launch waits for a helper that is starting. Then it does without. */
const READY_MS = 300;
/** A helper that has not answered after this time hangs, and is killed. */
const ANSWER_MS = 5_000;

/** A command, with all that `spawn` needs besides the files. */
export interface Command {
  readonly command: string;
  readonly args: string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

interface HelperRequest extends Command {
  readonly files: LaunchFiles;
}

/** An answer of `HELPER_PROGRAM`. */
interface Answer {
  readonly id?: number;
  readonly ready?: true;
  /** Nothing was started, because the files could not be opened. */
  readonly unable?: Reason;
  readonly begun?: true;
  readonly pid?: number;
  readonly startedAt?: string;
  readonly failed?: Reason;
  readonly exit?: ProcessExit;
}

interface Launch {
  begun: boolean;
  readonly outcome: Deferred<Outcome>;
  /** Resolves with undefined if the helper ends before the process. */
  readonly exit: Deferred<ProcessExit | undefined>;
}

/**
 * A small Node.js process that starts processes for this one. When a process starts another one, the kernel copies its page
 * tables, and its event loop is blocked for that time: 1.6 ms if it uses 50 MB of memory, 55 ms if it uses 1 GB. The helper stays
 * small, and shares most of its memory with this process, which runs the same program.
 *
 * Nothing depends on the helper. If there is none, `start` says so, and the caller starts the process itself. If the helper ends
 * while processes run, the processes go on and are followed by their process ids.
 */
export class LaunchHelper {
  #helper: HelperProcess | undefined;
  #hasFailed = false;

  /** Starts the helper, if that is possible. Resolves with true when it is ready, and with false if there is none. */
  async prepare(): Promise<boolean> {
    if (this.#hasFailed || !isPossible()) return false;
    try {
      // It is not started again: what has ended the helper may end the next one, too.
      this.#helper ??= new HelperProcess(() => {
        this.#hasFailed = true;
      });
      return await this.#helper.ready;
    } catch {
      this.#hasFailed = true; // Processes are started without the helper then.
      return false;
    }
  }

  /**
   * Starts a process that leads a session of its own.
   *
   * @returns undefined if the helper did not start it, so that the caller can
   * @throws Error if the process cannot be started, as from `spawn`, or if it is not known whether it was started
   */
  async start(request: HelperRequest): Promise<LaunchedProcess | undefined> {
    if (!(await withTimeout(this.prepare(), READY_MS))) return undefined;
    const helper = this.#helper;
    return helper?.rights === rights() ? helper.start(request) : undefined;
  }

  /** Ends the helper. The processes that it started go on. */
  async close(): Promise<void> {
    const helper = this.#helper;
    this.#helper = undefined;
    await helper?.close();
  }
}

/**
 * The helper needs `/proc` to open the files of this process. It also needs the program `node`: other programs that run
 * JavaScript, such as an app that was made into one file, would run themselves.
 */
function isPossible(): boolean {
  return process.platform === 'linux' && basename(process.execPath) === 'node';
}

/** The rights of this process. If it has given up some since the helper was started, the helper has too many. */
function rights(): string {
  const ids = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.(), process.getgroups?.()];
  return JSON.stringify(ids);
}

class HelperProcess {
  readonly rights = rights();
  readonly #child: ChildProcess;
  /** Undefined if it could not be read; then it is read again. */
  readonly #space = pidSpace().catch(() => undefined);
  readonly #launches = new Map<number, Launch>();
  readonly #ready = deferred<boolean>();
  /** Resolves with false if the process has ended. */
  readonly ready = this.#ready.promise;
  readonly #gone = deferred<undefined>();
  #lastId = 0;
  #holds = 0;
  /** The beginning of an answer whose end has not come yet. */
  #rest = '';
  #isClosed = false;

  /**
   * @param onGone called when the process has ended without `close()`
   * @throws Error if the system refuses to start it
   */
  constructor(onGone: () => void) {
    // Without the user's variables: they may change how Node.js starts (NODE_OPTIONS), and may be secrets.
    const { LD_LIBRARY_PATH } = process.env;
    const child = spawn(process.execPath, ['-e', HELPER_PROGRAM], {
      cwd: '/', // It would keep another folder busy.
      env: { ...(LD_LIBRARY_PATH !== undefined && { LD_LIBRARY_PATH }) },
      detached: true, // A signal to the group of this process, such as that of Ctrl-C, must not reach it.
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child = child;
    child.on('error', () => this.#end(onGone)); // It could not be started.
    child.stdin?.on('error', () => {}); // Its end shows by 'close'.
    // Comes when all who have the helper's standard output are gone. Between its fork and its exec, a process that the helper
    // starts is one of them. So after this event, whatever was started can be found.
    child.once('close', () => this.#end(onGone));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    child.unref();
    this.#hold(this.#start());
  }

  async #start(): Promise<void> {
    if ((await answered(this.ready, ANSWER_MS)) === undefined) this.#child.kill('SIGKILL');
  }

  start(request: HelperRequest): Promise<LaunchedProcess | undefined> {
    const work = this.#launch(request);
    this.#hold(work);
    return work;
  }

  async #launch({ files, ...what }: HelperRequest): Promise<LaunchedProcess | undefined> {
    if (this.#gone.isSettled) return undefined;
    const launch: Launch = { begun: false, outcome: deferred(), exit: deferred() };
    const id = ++this.#lastId;
    this.#launches.set(id, launch);
    const request = { ...what, id, files: { input: files.input.fd, log: files.log.fd } };
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const outcome = (await answered(launch.outcome.promise, ANSWER_MS)) ?? (await this.#abandon(launch));
    const { exit } = launch;
    return helpedProcess(outcome, { exit, files, space: await this.#space, isFollowed: () => !this.#isClosed });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#child.ref(); // Otherwise, this process could end before the caller goes on.
    this.#child.stdin?.end();
    const gone = this.#gone.promise.then(() => true);
    if (!(await answered(gone, ANSWER_MS))) this.#child.kill('SIGKILL');
  }

  /** Kills the helper. What it has begun is then known, or can be found. */
  async #abandon({ outcome }: Launch): Promise<Outcome> {
    this.#child.kill('SIGKILL');
    return outcome.promise;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take(JSON.parse(line));
  }

  #take(answer: Answer): void {
    if (answer.ready) this.#ready.resolve(true);
    const launch = this.#launches.get(answer.id ?? 0);
    if (answer.id === undefined || !launch) return;
    if (answer.begun) launch.begun = true;
    if (answer.unable) launch.outcome.resolve('not-started');
    if (answer.pid !== undefined) launch.outcome.resolve({ pid: answer.pid, startedAt: answer.startedAt });
    if (answer.failed) launch.outcome.resolve({ failed: answer.failed });
    if (answer.exit) launch.exit.resolve(answer.exit);
    if (answer.unable || answer.failed || answer.exit) this.#launches.delete(answer.id);
  }

  #end(onGone: () => void): void {
    if (!this.#isClosed) onGone();
    this.#gone.resolve(undefined);
    this.#ready.resolve(false);
    for (const { begun, outcome, exit } of this.#launches.values()) {
      outcome.resolve(begun ? 'unknown' : 'not-started');
      // After `close()` nobody in this process follows the processes any more.
      if (!this.#isClosed) exit.resolve(undefined);
    }
    this.#launches.clear();
  }

  /** Keeps this process alive during the work. Otherwise, the helper does not keep it alive. */
  #hold(work: Promise<unknown>): void {
    const pipes = [this.#child.stdin, this.#child.stdout] as (Socket | null)[];
    if (this.#holds++ === 0) for (const pipe of pipes) pipe?.ref();
    const release = (): void => {
      if (--this.#holds === 0) for (const pipe of pipes) pipe?.unref();
    };
    work.then(release, release);
  }
}
