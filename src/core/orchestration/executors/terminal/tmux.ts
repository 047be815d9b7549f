import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OrchestrationError, quote, systemCode } from '../../util/errors.js';
import { stripControl } from '../../util/text.js';
import { countIn, inputBox, markOf } from './claude-input.js';

/** The variables that the tmux server gets from this process. It passes all of them on to every session of every process. */
const SERVER_VARIABLES = /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|TMUX_TMPDIR|LANG|LC_[A-Z]+|XDG_RUNTIME_DIR)$/;

/** The size of a window to which nobody is attached. An attached terminal has its own size. */
const SIZE = ['-x', '200', '-y', '50'];
/** How many lines a pane keeps for a person who scrolls back. Each session uses memory for that many lines. */
const HISTORY_LINES = '2000';
const SCREEN_CHARS = 4_000;

/** Much longer than a terminal UI needs to start or to draw a text. After that time, a dialog is in the way, or the UI hangs. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;
/** The UI ignores Enter for a moment after a paste. If the text is still there after this time, Enter is pressed again. */
const ENTER_AGAIN_MS = 1_000;

/** The targets of a session and of its pane, by exactly this name. Without the `=`, tmux would also accept a prefix. */
const session = (name: string): string => `=${checked(name)}`;
const pane = (name: string): string => `${session(name)}:`;

export interface TmuxOptions {
  /** The environment of this process. It says where tmux and its sockets are. */
  env: NodeJS.ProcessEnv;
  /** The server's name; default `'autonomous-orchestration'`. */
  socket?: string;
  /** How long the UI may take to show its input box, a text in it, or to submit it; default 10,000 ms. */
  patienceMs?: number;
}

/**
 * Terminals for Claude Code's UI, in a tmux server of this library's own. The server has a process session of its own, so it
 * outlives this process and serves the next one. The user's `~/.tmux.conf` and tmux sessions are not involved.
 *
 * All processes of a user share the server. The server keeps the environment of the process that started it. So variables that
 * only one session needs go into the session's script, and not to the server.
 */
export class Tmux {
  readonly #env: NodeJS.ProcessEnv;
  readonly #socket: string;
  readonly #patienceMs: number;
  /** The last text that is being typed into each pane. Two texts at once would become one. */
  readonly #typing = new Map<string, Promise<void>>();
  #buffers = 0;

  constructor({ env, socket = 'autonomous-orchestration', patienceMs = PATIENCE_MS }: TmuxOptions) {
    this.#patienceMs = patienceMs;
    this.#env = Object.fromEntries(Object.entries(env).filter(([key]) => SERVER_VARIABLES.test(key)));
    this.#socket = socket;
  }

  /**
   * Makes sure that there is a tmux.
   *
   * @throws OrchestrationError `TMUX_NOT_FOUND`
   */
  async require(): Promise<void> {
    await this.#run(['-V']);
  }

  /**
   * Starts `sh script` in a session with one window. The session ends with the script.
   *
   * @param script - path of a file. Variables with secrets belong in this file, because `ps` shows arguments
   * @returns the process id of the shell
   * @throws OrchestrationError `TMUX_NOT_FOUND`, `LAUNCH_FAILED`
   */
  async start(name: string, script: string, cwd: string): Promise<number> {
    const window = ['-s', checked(name), ...SIZE, '-c', argument(cwd.replaceAll('#', '##')), '-P', '-F', '#{pane_pid}'];
    const out = await this.#begin([
      // A window takes the length of its history from this option when it is created.
      ...['start-server', ';', 'set-option', '-g', 'history-limit', HISTORY_LINES, ';'],
      ...['new-session', '-d', ...window, '--', 'sh', argument(script)],
    ]);
    const pid = Number(out.trim());
    if (Number.isSafeInteger(pid) && pid > 0) return pid;
    throw new OrchestrationError(
      'LAUNCH_FAILED',
      `tmux did not print the process id of session ${name}, but ${quote(out)}.`,
    );
  }

  /**
   * Types a text into the input box of Claude Code's UI as one paste, and submits it. If there is no input box, for example in
   * a dialog, no key is pressed, because Enter would choose something. A person's unfinished text is submitted together with it.
   *
   * @param text - control characters are left out. See `literalInput` for texts that the UI would not take literally
   * @throws OrchestrationError `ILLEGAL_TRANSITION` if the UI takes no text, or the session is gone; `INVALID_OPTIONS`
   *   for an empty text
   */
  async type(name: string, text: string): Promise<void> {
    const clean = stripControl(text.replace(/\r\n?/g, '\n'));
    if (clean.trim() === '') throw new OrchestrationError('INVALID_OPTIONS', 'A text to type must not be empty.');
    const before = this.#typing.get(name) ?? Promise.resolve();
    const typed = before.catch(() => {}).then(() => this.#type(name, clean));
    this.#typing.set(name, typed);
    try {
      await typed;
    } finally {
      if (this.#typing.get(name) === typed) this.#typing.delete(name);
    }
  }

  /** The end of what the pane shows, without control characters, for error messages. Empty if the pane is gone. */
  async screen(name: string): Promise<string> {
    const lines = stripControl(await this.#capture(name)).split('\n');
    const full = lines.map((line) => line.trimEnd()).filter((line) => line !== '');
    return full.join('\n').slice(-SCREEN_CHARS);
  }

  /** True if there is such a session. A session ends with its process. */
  async has(name: string): Promise<boolean> {
    return (await this.#unlessGone(['has-session', '-t', session(name)])) !== undefined;
  }

  /** The process id that `start` returned. Undefined if there is no such session. */
  async pid(name: string): Promise<number | undefined> {
    const out = await this.#unlessGone(['list-panes', '-t', pane(name), '-F', '#{pane_pid}']);
    return out === undefined ? undefined : Number(out.trim());
  }

  /** Ends a session. Its processes get a SIGHUP. If the session is already gone, this is not an error. */
  async close(name: string): Promise<void> {
    await this.#unlessGone(['kill-session', '-t', session(name)]);
  }

  /** The command with which a person attaches to a session. `Ctrl-B D` leaves it. */
  attachCommand(name: string): string {
    // In quotes, because zsh replaces a word that begins with `=` by the path of a command.
    return `tmux -L ${this.#socket} attach-session -t '${session(name)}'`;
  }

  /**
   * Starts a session. The server ends with its last session. While the server is about to end, it accepts no new session, so this
   * method tries again.
   */
  async #begin(args: string[]): Promise<string> {
    const deadline = Date.now() + this.#patienceMs;
    while (true) {
      try {
        return await this.#run(args);
      } catch (error) {
        const leaves = error instanceof OrchestrationError && SERVER_LEAVES.test(error.message);
        if (!leaves || Date.now() > deadline) throw error;
        await sleep(LOOK_MS);
      }
    }
  }

  async #type(name: string, text: string): Promise<void> {
    const mark = markOf(text);
    const marks = async (): Promise<number | undefined> => {
      const input = inputBox(await this.#capture(name));
      return input === undefined ? undefined : countIn(input, mark);
    };

    await this.#until(name, async () => (await marks()) !== undefined);
    const before = (await marks()) ?? 0;
    await this.#paste(name, text);
    const isThere = async (): Promise<boolean> => ((await marks()) ?? 0) > before;
    await this.#until(name, isThere);

    const deadline = Date.now() + this.#patienceMs;
    do {
      await this.#must(['send-keys', '-t', pane(name), 'Enter'], name);
      const again = Date.now() + ENTER_AGAIN_MS;
      while (Date.now() < again) {
        if (!(await isThere())) return;
        await sleep(LOOK_MS);
      }
    } while (Date.now() < deadline);
    throw await this.#refusal(name, 'does not submit the text');
  }

  /** Pastes in brackets, so that line breaks do not submit. The text goes over standard input, because `ps` shows arguments. */
  async #paste(name: string, text: string): Promise<void> {
    this.#buffers += 1;
    const buffer = `ao-${process.pid}-${this.#buffers}`;
    await this.#must(['load-buffer', '-b', buffer, '-'], name, text);
    try {
      await this.#must(['paste-buffer', '-p', '-d', '-b', buffer, '-t', pane(name)], name);
    } catch (error) {
      await this.#run(['delete-buffer', '-b', buffer]).catch(() => {});
      throw error;
    }
  }

  async #until(name: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + this.#patienceMs;
    while (!(await isSo())) {
      if (Date.now() > deadline || !(await this.has(name))) throw await this.#refusal(name, 'takes no text');
      await sleep(LOOK_MS);
    }
  }

  async #refusal(name: string, why: string): Promise<OrchestrationError> {
    const screen = await this.screen(name);
    const shows =
      screen === '' ? 'It is gone.' : `Answer what it asks (${this.attachCommand(name)}); it shows:\n${screen}`;
    return new OrchestrationError('ILLEGAL_TRANSITION', `The terminal ${name} ${why}. ${shows}`);
  }

  async #capture(name: string): Promise<string> {
    return (await this.#unlessGone(['capture-pane', '-p', '-t', pane(name)])) ?? '';
  }

  /** @throws OrchestrationError `ILLEGAL_TRANSITION` if the session is gone */
  async #must(args: string[], name: string, input?: string): Promise<string> {
    const out = await this.#unlessGone(args, input);
    if (out === undefined) throw await this.#refusal(name, 'takes no text');
    return out;
  }

  async #unlessGone(args: string[], input?: string): Promise<string | undefined> {
    try {
      return await this.#run(args, input);
    } catch (error) {
      if (error instanceof OrchestrationError && GONE.test(error.message)) return undefined;
      throw error;
    }
  }

  /** @throws OrchestrationError `TMUX_NOT_FOUND`, and `LAUNCH_FAILED` with what tmux says */
  #run(args: readonly string[], input?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        'tmux',
        ['-L', this.#socket, '-f', '/dev/null', ...args],
        // The server keeps a folder busy if it was started there.
        { cwd: '/', env: this.#env, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
        (error, stdout, stderr) => {
          if (!error) resolve(stdout);
          else reject(failure(error, stderr));
        },
      );
      // Writing fails if tmux ends before it has read everything. The exit code of tmux says why.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }
}

/** tmux says `no current target` about any name if its server has no session left and is about to end. */
const GONE =
  /no server running|can't find (session|window|pane)|no current (target|session)|no sessions|error connecting to .*No such file|server exited|lost server/;
const SERVER_LEAVES = /no server running|server exited|lost server|error connecting to /;

function failure(error: Error, stderr: string): OrchestrationError {
  if (systemCode(error) === 'ENOENT') {
    return new OrchestrationError(
      'TMUX_NOT_FOUND',
      "There is no tmux on the PATH, which interactive sessions need. Install it: Debian's package tmux, or 'brew install tmux'.",
      { cause: error },
    );
  }
  return new OrchestrationError('LAUNCH_FAILED', `tmux failed: ${stderr.trim() || messageOf(error)}.`, {
    cause: error,
  });
}

/** A semicolon at the end of an argument would begin the next command. */
const argument = (text: string): string => text.replace(/;$/, '\\;');

/** @throws OrchestrationError `INVALID_OPTIONS` if the name has dots or colons, because these have a special meaning in tmux */
function checked(name: string): string {
  if (/^[a-z0-9-]+$/.test(name)) return name;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `A terminal's name has a-z, 0-9 and dashes only, not ${quote(name)}.`,
  );
}
