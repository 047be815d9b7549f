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

/** What the hook prints, and what is to be done when it can, and where it never will. */
interface Reply {
  readonly text: string;
  readonly given?: () => void;
  readonly returned?: () => void;
}

/** A request that is being answered. */
interface OpenRequest {
  /** Of its file. */
  readonly name: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly withdrawn: AbortController;
}

/** A request that was found. */
interface Taken {
  readonly id: string;
  readonly path: string;
  /** `'left'` where it was there before: maybe an earlier host has seen it. */
  readonly how: 'left' | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly withdrawn: AbortSignal;
}

/** The hook names its requests; what else is in the folder is not from it. */
const REQUEST = /^([0-9a-f-]{36}|\d+\.\d+)\.(json|done|args)$/;
/** The longest line of a log that is read has the same length. */
const MOST_REQUEST_BYTES = 16 * 1024 * 1024;
/** A shell's arguments are no longer. */
const MOST_COMMAND_BYTES = 2 * 1024 * 1024;
/** More than `orchestrate` takes. */
const MOST_WORDS = 1_100;
/** Claude runs a dozen calls at once. What is beyond waits for its turn. */
const MOST_OPEN = 256;
/** What those may hold in memory; one that is read comes on top. */
const MOST_OPEN_BYTES = 64 * 1024 * 1024;
const LATER_MS = 1_000;
/** Names in the folder of requests that are looked at in one go: an agent can make millions. */
const MOST_NAMES = 4_096;
const NAMES_AT_ONCE = 256;
const LOOK_MS = 50;
/** Less than the hook waits for an answer to anything but a tool call. */
const PATIENCE_MS = 3_000;

/**
 * The host's side of the hook: requests come as files in a folder that the agent can write to, answers go as files to
 * one that it can't. Nothing runs here while nothing is asked.
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
  readonly #serialized = serialized();
  #openBytes = 0;

  constructor(files: MailboxFiles, hooks: RunHooks) {
    this.#files = files;
    this.#hooks = hooks;
    this.#answers = new MailboxAnswers(files.answers);
  }

  /** Begins to answer; what was asked before, of another host maybe, is answered too. */
  async start(): Promise<void> {
    await this.#scan('left');
    if (this.#closed) return;
    this.#watch = new RateLimitedWatch(this.#files.requests, (name) => {
      if (name === null) void this.#scan();
      else this.#told(name);
    });
    this.#hooks.onMessages((waiting) => this.#answers.flag(waiting));
    await this.#scan(); // What came before there was a watch.
  }

  /** Answers nothing any more, not even what is under way: the next host finds that, and may have to decide again. */
  close(): void {
    this.#closed = true;
    this.#watch?.close();
    clearTimeout(this.#later);
    this.#answers.close();
  }

  /** Looks at the folder; not twice at once, but once more where it was to be looked at meanwhile. */
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

  /** The names of requests in the folder, or some of them. */
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
      return { names, isAll: false }; // The run's end took the folder along.
    }
  }

  /** In the order in which the requests were written, as no host has seen them come: the last one tells whether the agent works. */
  async #inOrder(names: ReadonlySet<string>): Promise<string[]> {
    const aged = [...names].map(async (name) => {
      const at = await lstat(join(this.#files.requests, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0, // It is gone again.
      );
      return { name, at };
    });
    return (await Promise.all(aged)).sort((a, b) => a.at - b.at).map(({ name }) => name);
  }

  /** Something happened to a file in the folder of requests. */
  #told(name: string): void {
    const open = this.#open.get(REQUEST.exec(name)?.[1] ?? '');
    if (open) lstat(join(this.#files.requests, open.name)).catch(() => open.withdrawn.abort());
    else this.#take(name);
  }

  /** @param how `'left'` where it was there before: maybe an earlier host has seen it */
  #take(name: string, how?: 'left'): void {
    const [, id, kind] = REQUEST.exec(name) ?? [];
    if (id === undefined || this.#closed || this.#open.has(id)) return;
    if (this.#open.size >= MOST_OPEN) {
      // Looked at again, but not so soon that an agent which floods the folder keeps the host busy.
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

  /** A call has ended: its hook tells so, and waits for no answer. */
  async #hear(path: string): Promise<void> {
    try {
      const bytes = await this.#serialized(() => this.#read(path));
      await this.#hooks.afterTool(callOf(parseHookInput(bytes)));
    } catch {
      // Whoever can write what is no report can also write none.
    }
    // The next host hears it.
    if (!this.#closed) await unlink(path).catch(() => {}); // It may be a folder by now.
  }

  async #handle(id: string, path: string, how: 'left' | undefined): Promise<void> {
    let input: HookInput | undefined;
    let askedAt: number | undefined;
    let held = 0;
    try {
      // One at a time: an agent may have filled the folder with long ones. And in the order in which they came.
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
    } catch (error) {
      // The watch tells of a request's removal, too: there is nothing to answer.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    }
    const unreadable: Reply = { text: denial(UNREADABLE) };
    const reply = input ? await this.#reply(input, id, askedAt).catch(() => unreadable) : unreadable;
    this.#openBytes -= held;
    // What was decided may be on no record any more; the next host finds the request.
    if (this.#closed) return reply.returned?.();
    // Without an answer it is a denial.
    await this.#answers.write(id, reply.text).then(reply.given, reply.returned ?? (() => {}));
    // Not before it is answered: a host that takes over finds it. It may be a folder by now; its name is not used again.
    await unlink(path).catch(() => {});
  }

  /** A command of the agent's: its arguments, each ended by NUL. */
  async #carryOut(id: string, path: string, how: 'left' | undefined, withdrawn: AbortSignal): Promise<void> {
    if (how === 'left' && (await this.#files.wasAnswered(id))) return unlink(path).catch(() => {}); // The request is gone.
    const read = await this.#serialized(() => this.#read(path, MOST_COMMAND_BYTES)).catch((error: unknown) => error);
    // The watch tells of a request's removal, too.
    if (systemCode(read) === 'ENOENT') return;
    const held = Buffer.isBuffer(read) ? read.length : 0;
    this.#openBytes += held;
    // More words are refused for their number.
    const args = Buffer.isBuffer(read) ? read.toString('utf8').split('\0', MOST_WORDS) : undefined;
    if (args && args.length < MOST_WORDS) args.pop(); // Behind the last NUL is nothing.
    const { exitCode, text: said } = args
      ? await this.#hooks.command(id, args, withdrawn)
      : { exitCode: 1, text: `orchestrate: more than ${MOST_COMMAND_BYTES} bytes, or not readable` };
    this.#openBytes -= held;
    // The next host finds it, and has the answer.
    if (this.#closed) return;
    await this.#answers.write(id, `${exitCode}\n${said}`).catch(() => {}); // The run's end took the folder along.
    await unlink(path).catch(() => {});
  }

  async #read(path: string, most = MOST_REQUEST_BYTES): Promise<Buffer> {
    while (this.#openBytes > MOST_OPEN_BYTES && !this.#closed) await delay(LOOK_MS, undefined, { ref: false });
    return readRegularFile(path, { most });
  }

  /** What the hook prints, in the words that Claude Code takes; where it prints nothing, Claude Code goes on. */
  async #reply(input: HookInput, id: string, askedAt: number | undefined): Promise<Reply> {
    const event = input.hook_event_name;
    if (event === 'PreToolUse') {
      const verdict = await this.#answers.awaited(id, this.#hooks.beforeTool(callOf(input, askedAt)));
      return { text: verdict.allowed ? '' : denial(verdict.reason) };
    }
    if (event === 'UserPromptSubmit' || event === 'StopFailure') {
      // In a run without turns only the agent itself can have written such a request.
      if (!this.#files.tellsTurns) return { text: '' };
      if (event === 'UserPromptSubmit') await this.#answers.awaited(id, this.#hooks.beforeTurn());
      // The turn has failed: nothing that is said to the agent now would be heard.
      else void this.#hooks.afterTurn();
      return { text: '' };
    }
    if (event !== 'Stop') await this.#hooks.afterTool(callOf(input));
    // Messages go to the main agent only: not to subagents, nor to another Claude that the agent started.
    if (input.agent_id !== undefined) return { text: '' };
    // A hook that asks for messages does not wait long: what is told to one that is gone is told to nobody.
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
