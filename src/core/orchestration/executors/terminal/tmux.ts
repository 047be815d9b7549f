import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OrchestrationError, quote, systemCode } from '../../util/errors.js';
import { stripControl } from '../../util/text.js';
import { countIn, inputBox, markOf } from './claude-input.js';

/** What the tmux server may know of this process's environment: it passes all of it on to every session of every process. */
const SERVER_VARIABLES = /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|TMUX_TMPDIR|LANG|LC_[A-Z]+|XDG_RUNTIME_DIR)$/;

/** Of a window to which nobody is attached; a person's terminal has its own. */
const SIZE = ['-x', '200', '-y', '50'];
/** Lines a pane keeps: what a person may want to scroll back to, times the number of sessions. */
const HISTORY_LINES = '2000';
const SCREEN_CHARS = 4_000;

/** Far beyond what a terminal UI takes to draw a text or to begin: then a dialog is in the way, or it hangs. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;
/** The UI ignores Enter for a moment after a paste; it is pressed again if the text is still there by then. */
const ENTER_AGAIN_MS = 1_000;

/** A session's target, and that of its pane: always of exactly this name, where tmux would take a prefix, too. */
const session = (name: string): string => `=${checked(name)}`;
const pane = (name: string): string => `${session(name)}:`;

export interface TmuxOptions {
  /** The environment of this process: it says where tmux is, and where its sockets are. */
  env: NodeJS.ProcessEnv;
  /** The server's name; default `'autonomous-orchestration'`. */
  socket?: string;
  /** How long the UI may take to show its input box, a text in it, or to submit it; default 10,000 ms. */
  patienceMs?: number;
}

/**
 * Terminals for Claude Code's UI, in a tmux server of this library's own. The server leads a session of its own, so that
 * it outlives this process and serves the next one; a person's `~/.tmux.conf` and sessions have no part in it.
 *
 * All processes of a user share the server. It keeps the environment of the one that starts it, so that it is told of no
 * variable that a session needs: those go into the session's script.
 */
export class Tmux {
  readonly #env: NodeJS.ProcessEnv;
  readonly #socket: string;
  readonly #patienceMs: number;
  /** The last text on its way into each pane: two at once would be one. */
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
   * Starts `sh script` in a session with one window, which ends with it.
   *
   * @param script - path of a file; variables with secrets belong in there, not in arguments that `ps` shows
   * @returns the process id of the shell
   * @throws OrchestrationError `TMUX_NOT_FOUND`, `LAUNCH_FAILED`
   */
  async start(name: string, script: string, cwd: string): Promise<number> {
    const window = ['-s', checked(name), ...SIZE, '-c', argument(cwd.replaceAll('#', '##')), '-P', '-F', '#{pane_pid}'];
    const out = await this.#begin([
      // A window takes its history's length from the option at its creation, in whichever server that is.
      ...['start-server', ';', 'set-option', '-g', 'history-limit', HISTORY_LINES, ';'],
      ...['new-session', '-d', ...window, '--', 'sh', argument(script)],
    ]);
    const pid = Number(out.trim());
    if (Number.isSafeInteger(pid) && pid > 0) return pid;
    throw new OrchestrationError('LAUNCH_FAILED', `tmux names no process of the session ${name}: ${quote(out)}.`);
  }

  /**
   * Types a text into the input box of Claude Code's UI and submits it, as one paste. Where no input box is to be
   * seen, as in a dialog, it presses nothing: there, Enter would choose. A person's unfinished text goes with it.
   *
   * @param text - control characters are left out; see `literalInput` for what the UI would not take literally
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

  /** What the pane shows, for error messages: its end, without control characters; empty if the pane is gone. */
  async screen(name: string): Promise<string> {
    const lines = stripControl(await this.#capture(name)).split('\n');
    const full = lines.map((line) => line.trimEnd()).filter((line) => line !== '');
    return full.join('\n').slice(-SCREEN_CHARS);
  }

  /** Whether there is such a session; it ends with its process. */
  async has(name: string): Promise<boolean> {
    return (await this.#unlessGone(['has-session', '-t', session(name)])) !== undefined;
  }

  /** The process id that `start` answered; undefined if there is no such session. */
  async pid(name: string): Promise<number | undefined> {
    const out = await this.#unlessGone(['list-panes', '-t', pane(name), '-F', '#{pane_pid}']);
    return out === undefined ? undefined : Number(out.trim());
  }

  /** Ends a session: its processes get a SIGHUP. One that is gone is no error. */
  async close(name: string): Promise<void> {
    await this.#unlessGone(['kill-session', '-t', session(name)]);
  }

  /** The command with which a person looks at a session and types into it; `Ctrl-B D` leaves it. */
  attachCommand(name: string): string {
    // In quotes: zsh takes a word that begins with `=` for a command's path.
    return `tmux -L ${this.#socket} attach-session -t '${session(name)}'`;
  }

  /** The server ends with its last session: one that is just about to takes no new one any more. */
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

  /** A bracketed paste, so that line breaks do not submit. The text goes over standard input, which `ps` does not show. */
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
        // The server keeps the folder it was started in busy.
        { cwd: '/', env: this.#env, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
        (error, stdout, stderr) => {
          if (!error) resolve(stdout);
          else reject(failure(error, stderr));
        },
      );
      // Not read where tmux ends before it has read all; its exit code tells.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }
}

const GONE =
  /no server running|can't find (session|window|pane)|error connecting to .*No such file|server exited|lost server/;
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

/** A semicolon at an argument's end would begin the next command. (And `#(…)` in a folder's name would be run.) */
const argument = (text: string): string => text.replace(/;$/, '\\;');

/** @throws OrchestrationError `INVALID_OPTIONS`: tmux reads more than a name if there are dots or colons in it. */
function checked(name: string): string {
  if (/^[a-z0-9-]+$/.test(name)) return name;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `A terminal's name has a-z, 0-9 and dashes only, not ${quote(name)}.`,
  );
}
