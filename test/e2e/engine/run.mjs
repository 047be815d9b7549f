import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';

/**
 * Runs a command to its end and returns its standard output.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, stdinFile?: string }} [options] `stdinFile` is read as standard input.
 * @returns {Promise<string>} Trimmed standard output.
 * @throws {Error} If the command cannot start or does not exit with 0. Contains the command line and the end of its errors.
 */
export async function run(command, args, { env = {}, stdinFile } = {}) {
  const stdin = stdinFile === undefined ? undefined : await open(stdinFile);
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        // Debian keeps dockerd and debootstrap in /usr/sbin, which is not on every account's PATH.
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`, ...env },
        stdio: [stdin?.fd ?? 'ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout?.setEncoding('utf8').on('data', (text) => (stdout += text));
      // Only the end of a long build log says why it failed.
      child.stderr?.setEncoding('utf8').on('data', (text) => (stderr = (stderr + text).slice(-4000)));
      child.on('error', (error) => reject(new Error(`${command} did not start: ${error.message}`, { cause: error })));
      child.on('close', (code, signal) => {
        if (code === 0) return resolve(stdout.trim());
        const end = (stderr.trim() || stdout.trim()).slice(-2000);
        reject(new Error(`${[command, ...args].join(' ')} ended with ${signal ?? code}:\n${end}`));
      });
    });
  } finally {
    await stdin?.close();
  }
}
