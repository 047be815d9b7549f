import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `work` while no other process is inside `withLock` for the same file.
 *
 * A child process holds the kernel's file lock, and its standard input is a pipe from this process. However this process dies,
 * the pipe closes, the child ends, and the lock is free. So there are no stale locks.
 *
 * @template T
 * @param {string} file Created if it is missing, never removed.
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  const holder = spawn('flock', ['--timeout', '900', file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // A Ctrl-C at the terminal must not free the lock while `work` is still ending.
    detached: true,
  });
  const ended = once(holder, 'exit');
  const [answer] = await Promise.race([once(holder.stdout, 'data'), ended]);
  if (!Buffer.isBuffer(answer))
    throw new Error(`${file} is held by another process for 15 minutes: see who with fuser`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
