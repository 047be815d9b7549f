import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { attempt } from './support.js';

/** A person's terminal, in which the person has entered a command. */
export class Desk {
  readonly #socket = `ao-desk-${randomUUID()}`;

  static async with(command: string): Promise<Desk> {
    const desk = new Desk();
    const size = ['-x', '150', '-y', '40'];
    onTestFinished(async () => void (await desk.#tmux('kill-server')));
    // With the variable TMUX set, an inner tmux would refuse to attach.
    await desk.#tmux('new-session', '-d', ...size, '-s', 'desk', '--', 'env', '-u', 'TMUX', 'sh', '-c', command);
    return desk;
  }

  /** The text on the screen now. */
  async screen(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-t', 'desk')).stdout;
  }

  /** Types a line, and presses Enter as soon as the line is on the screen. */
  async types(line: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'desk', '-l', line);
    await expect.poll(() => this.screen()).toContain(line);
    await this.#tmux('send-keys', '-t', 'desk', 'Enter');
  }

  #tmux(...args: string[]): ReturnType<typeof attempt> {
    return attempt('tmux', ['-L', this.#socket, '-f', '/dev/null', ...args]);
  }
}
