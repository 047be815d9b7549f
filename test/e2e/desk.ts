import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { attempt } from './support.js';

/** A person's own terminal, in which they have entered a command. */
export class Desk {
  readonly #socket = `ao-desk-${randomUUID()}`;

  static async with(command: string): Promise<Desk> {
    const desk = new Desk();
    const size = ['-x', '150', '-y', '40'];
    onTestFinished(async () => void (await desk.#tmux('kill-server')));
    // The variable TMUX of the test's own shell would keep tmux from attaching.
    await desk.#tmux('new-session', '-d', ...size, '-s', 'desk', '--', 'env', '-u', 'TMUX', 'sh', '-c', command);
    return desk;
  }

  /** The current text of the screen. */
  async screen(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-t', 'desk')).stdout;
  }

  /** Types a line, and presses Enter as soon as the line is visible. */
  async types(line: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'desk', '-l', line);
    await expect.poll(() => this.screen()).toContain(line);
    await this.#tmux('send-keys', '-t', 'desk', 'Enter');
  }

  #tmux(...args: string[]): ReturnType<typeof attempt> {
    return attempt('tmux', ['-L', this.#socket, '-f', '/dev/null', ...args]);
  }
}
