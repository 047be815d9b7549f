import { lstat, opendir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunHooks } from '../contract/run-hooks.js';
import { UNREADABLE } from '../guard/breach.js';
import { systemCode } from '../util/errors.js';
import { RateLimitedWatch } from '../util/fs/rate-limited-watch.js';
import { readRegularFile } from '../util/fs/regular-file.js';
import { serialized } from '../util/serialized.js';
import { callOf, denial, type HookInput, parseHookInput } from './hook-input.js';
import { MailboxAnswers } from './mailbox-answers.js';
import type { MailboxFiles } from './mailbox-files.js';

/**
 * The text that the hook prints. `given` is called when the text is written, so that the hook can print it. `returned` is
 * called if the text was not written.
 */
interface Reply {
  readonly text: string;
  readonly given?: () => void;
  readonly returned?: () => void;
}

/** A request that is being answered. */
interface OpenRequest {
  /** Name of the request's file. */
  readonly name: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly withdrawn: AbortController;
}

/** A request that was found. */
interface Taken {
  readonly id: string;
  readonly path: string;
  /** `'left'` if the request existed before this process watched. An earlier process may have seen it. */
  readonly how: 'left' | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly withdrawn: AbortSignal;
}

/** The form of the names that the hook gives to its requests. Any other file in the folder is not from the hook. */
const REQUEST = /^([0-9a-f-]{36}|\d+\.\d+)\.(json|done|args)$/;
/** The same limit as for a line of the log. */
const MOST_REQUEST_BYTES = 16 * 1024 * 1024;
/** A shell's arguments are not longer than this. */
const MOST_COMMAND_BYTES = 2 * 1024 * 1024;
/** At most so many words of a command are read. `orchestrate` refuses a command of more than 1,000. */
const MOST_WORDS = 1_100;
/** Claude runs a dozen calls at once. Requests beyond this limit wait for their turn. */
const MOST_OPEN = 256;
/** How much memory open requests may take together. The request that is being read does not count yet. */
const MOST_OPEN_BYTES = 64 * 1024 * 1024;
const LATER_MS = 1_000;
/** How many names in the folder of requests are examined in one pass, because an agent can make millions. */
const MOST_NAMES = 4_096;
const NAMES_AT_ONCE = 256;
const LOOK_MS = 50;
/** The longest age of a request for messages. Its hook waits for 5 seconds, so it is still there to take them. */
const PATIENCE_MS = 3_000;

/**
 * The process's side of the hook. Requests come as files in a folder that the agent can write to. Answers go as files into a
 * folder that the agent can only read. Between requests, the mailbox does nothing.
 */
export class Mailbox {
  readonly #files: MailboxFiles;
  readonly #hooks: RunHooks;
  readonly #answers: MailboxAnswers;
  /** By id. */
  readonly #open = new Map<string, OpenRequest>();
  #watch: RateLimitedWatch | undefined;
  #scanning = false;
  #scanAgain = false;
  #later: NodeJS.Timeout | undefined;
  #closed = false;
  #reported = false;
  readonly #serialized = serialized();
  #openBytes = 0;

  constructor(files: MailboxFiles, hooks: RunHooks) {
    this.#files = files;
    this.#hooks = hooks;
    this.#answers = new MailboxAnswers(files.answers);
  }

  /** Begins to answer. Requests that are already there are answered too. They may have been meant for an earlier process. */
  async start(): Promise<void> {
    await this.#scan('left');
    if (this.#closed) return;
    this.#watch = new RateLimitedWatch(this.#files.requests, (name) => {
      if (name === null) void this.#scan();
      else this.#told(name);
    });
    this.#hooks.onMessages((waiting) => this.#answers.flag(waiting));
    await this.#scan(); // Finds requests from before the watch existed.
  }

  /**
   * Stops answering, even requests that are being answered. The next process finds those, and may have to decide about them
   * again.
   */
  close(): void {
    this.#closed = true;
    this.#watch?.close();
    clearTimeout(this.#later);
    this.#answers.close();
  }

  /** True if a hook of the run has reported or asked. If none is known yet, looks at the folder once more. */
  async hasReport(): Promise<boolean> {
    if (!this.#reported && !this.#closed) await this.#scan();
    return this.#reported;
  }

  /** Scans the folder. Scans never overlap. A request for a scan during a scan triggers one more. */
  async #scan(how?: 'left'): Promise<void> {
    this.#scanAgain = this.#scanning;
    if (this.#scanning) return;
    this.#scanning = true;
    const before = [...this.#open.values()];
    const { names, isAll } = await this.#names();
    for (const { name, withdrawn } of before) if (isAll && !names.has(name)) withdrawn.abort();
    for (const name of how === 'left' ? await this.#inOrder(names) : names) this.#take(name, how);
    this.#scanning = false;
    if (this.#scanAgain) void this.#scan();
  }

  /** The names of requests in the folder. If there are too many, only some of them. */
  async #names(): Promise<{ names: Set<string>; isAll: boolean }> {
    const names = new Set<string>();
    let seen = 0;
    try {
      for await (const { name } of await opendir(this.#files.requests, { bufferSize: NAMES_AT_ONCE })) {
        if (REQUEST.test(name)) names.add(name);
        seen += 1;
        if (seen === MOST_NAMES) return { names, isAll: false };
      }
      return { names, isAll: true };
    } catch {
      return { names, isAll: false }; // The end of the run has removed the folder.
    }
  }

  /**
   * Sorts requests by the time when they were written, because no process has seen them arrive. The order matters, because the
   * last request shows if the agent works or waits.
   */
  async #inOrder(names: ReadonlySet<string>): Promise<string[]> {
    const aged = [...names].map(async (name) => {
      const at = await lstat(join(this.#files.requests, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0, // The file is gone again.
      );
      return { name, at };
    });
    return (await Promise.all(aged)).sort((a, b) => a.at - b.at).map(({ name }) => name);
  }

  /** Called when something happened to a file in the folder of requests. */
  #told(name: string): void {
    const open = this.#open.get(REQUEST.exec(name)?.[1] ?? '');
    if (open) lstat(join(this.#files.requests, open.name)).catch(() => open.withdrawn.abort());
    else this.#take(name);
  }

  /** @param how `'left'` if the request existed before this process watched; an earlier process may have seen it */
  #take(name: string, how?: 'left'): void {
    const [, id, kind] = REQUEST.exec(name) ?? [];
    if (id === undefined || this.#closed || this.#open.has(id)) return;
    if (this.#open.size >= MOST_OPEN) {
      // Scan again later, but not so soon that an agent which floods the folder keeps the process busy.
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        void this.#scan();
      }, LATER_MS).unref();
      return;
    }
    const withdrawn = new AbortController();
    this.#open.set(id, { name, withdrawn });
    const path = join(this.#files.requests, name);
    void this.#handled(kind, { id, path, how, withdrawn: withdrawn.signal }).finally(() => this.#open.delete(id));
  }

  #handled(kind: string | undefined, { id, path, how, withdrawn }: Taken): Promise<void> {
    if (kind === 'args') return this.#carryOut(id, path, how, withdrawn);
    return kind === 'done' ? this.#hear(path) : this.#handle(id, path, how);
  }

  /** Handles the report of a hook that a call has ended. The hook waits for no answer. */
  async #hear(path: string): Promise<void> {
    try {
      const bytes = await this.#serialized(() => this.#read(path));
      const input = parseHookInput(bytes);
      this.#reported = true;
      if (input.hook_event_name !== 'SessionStart') await this.#hooks.afterTool(callOf(input));
    } catch {
      // The report cannot be read. It is safe to ignore it: whoever can write such a file could also write no report at all.
    }
    // If this process is closing, the report stays for the next process.
    if (!this.#closed) await unlink(path).catch(() => {}); // The agent may have put a folder there.
  }

  async #handle(id: string, path: string, how: 'left' | undefined): Promise<void> {
    let input: HookInput | undefined;
    let askedAt: number | undefined;
    let held = 0;
    try {
      // One at a time, because an agent may have filled the folder with long requests. And in the order in which they came.
      const bytes = await this.#serialized(async () => {
        if (how === 'left') {
          if (await this.#files.wasAnswered(id)) return undefined;
          askedAt = Math.min(Date.now(), (await lstat(path)).mtimeMs);
        }
        return this.#read(path);
      });
      if (!bytes) return await unlink(path);
      held = bytes.length;
      this.#openBytes += held;
      input = parseHookInput(bytes);
      this.#reported = true;
    } catch (error) {
      // The watch reports the removal of a request, too. Then there is nothing to answer.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    }
    const unreadable: Reply = { text: denial(UNREADABLE) };
    const reply = input ? await this.#reply(input, id, askedAt).catch(() => unreadable) : unreadable;
    this.#openBytes -= held;
    // This process is closing, so the decision may not be recorded any more. The next process finds the request.
    if (this.#closed) return reply.returned?.();
    // If writing the answer fails, the missing answer is a denial.
    await this.#answers.write(id, reply.text).then(reply.given, reply.returned ?? (() => {}));
    // The request is removed only after the answer is written. Until then, a process that takes over has to find it. The agent
    // may have put a folder there, which stays. That does no harm, because the hook never uses the name again.
    await unlink(path).catch(() => {});
  }

  /** Carries out a command of the agent. The file contains the arguments, each ended by NUL. */
  async #carryOut(id: string, path: string, how: 'left' | undefined, withdrawn: AbortSignal): Promise<void> {
    if (how === 'left' && (await this.#files.wasAnswered(id))) return unlink(path).catch(() => {}); // The request is gone.
    const read = await this.#serialized(() => this.#read(path, MOST_COMMAND_BYTES)).catch((error: unknown) => error);
    // The watch reports the removal of a request, too.
    if (systemCode(read) === 'ENOENT') return;
    const held = Buffer.isBuffer(read) ? read.length : 0;
    this.#openBytes += held;
    // Further words need no reading, because a command with so many is refused anyway.
    const args = Buffer.isBuffer(read) ? read.toString('utf8').split('\0', MOST_WORDS) : undefined;
    if (args && args.length < MOST_WORDS) args.pop(); // Nothing follows the last NUL.
    const { exitCode, text: said } = args
      ? await this.#hooks.command(id, args, withdrawn)
      : { exitCode: 1, text: `orchestrate: more than ${MOST_COMMAND_BYTES} bytes, or not readable` };
    this.#openBytes -= held;
    // The next process finds the request, and carries it out without doing anything twice.
    if (this.#closed) return;
    await this.#answers.write(id, `${exitCode}\n${said}`).catch(() => {}); // The end of the run has removed the folder.
    await unlink(path).catch(() => {});
  }

  async #read(path: string, most = MOST_REQUEST_BYTES): Promise<Buffer> {
    while (this.#openBytes > MOST_OPEN_BYTES && !this.#closed) await delay(LOOK_MS, undefined, { ref: false });
    return readRegularFile(path, { most });
  }

  /** The text that the hook prints, in the format that Claude Code expects. If the hook prints nothing, Claude Code goes on. */
  async #reply(input: HookInput, id: string, askedAt: number | undefined): Promise<Reply> {
    const event = input.hook_event_name;
    if (event === 'PreToolUse') {
      const verdict = await this.#answers.awaited(id, this.#hooks.beforeTool(callOf(input, askedAt)));
      return { text: verdict.allowed ? '' : denial(verdict.reason) };
    }
    if (event === 'UserPromptSubmit' || event === 'StopFailure') {
      // If the hook of this run does not report turns, only the agent itself can have written such a request.
      if (!this.#files.tellsTurns) return { text: '' };
      if (event === 'UserPromptSubmit') await this.#answers.awaited(id, this.#hooks.beforeTurn());
      // The turn has failed, so the agent would not receive any message now.
      else void this.#hooks.afterTurn();
      return { text: '' };
    }
    if (event !== 'Stop') await this.#hooks.afterTool(callOf(input));
    // Messages go only to the main agent: not to subagents, and not to another Claude that the agent started.
    if (input.agent_id !== undefined) return { text: '' };
    // A hook that asks for messages does not wait long. If it is already gone, nobody would receive the messages.
    const late = askedAt !== undefined && Date.now() - askedAt > PATIENCE_MS;
    const messages = late ? undefined : await this.#hooks.takeMessages(String(input.session_id), id);
    if (!messages) {
      if (event === 'Stop' && this.#files.tellsTurns) void this.#hooks.afterTurn();
      return { text: '' };
    }
    const said = `The user says, while you are at work:\n\n${messages.texts.join('\n\n')}`;
    const output =
      event === 'Stop'
        ? { decision: 'block', reason: said }
        : { hookSpecificOutput: { hookEventName: event, additionalContext: said } };
    return { text: JSON.stringify(output), given: () => messages.given(), returned: () => messages.returned() };
  }
}
