import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `work` while no other process is inside `withLock` for the same file.
 *
 * The kernel's file lock is held by a child whose standard input is ours: however this process dies, the pipe closes, the
 * child ends and the lock is free, so that no stale lock can exist and none has to be guessed at.
 *
 * @template T
 * @param {string} file Created when missing, never removed.
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
