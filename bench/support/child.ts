import { fork, type StdioOptions } from 'node:child_process';

/** A measurement that takes longer hangs, for example because an earlier version of the package lacks something. */
const MOST_MS = 300_000;

/**
 * Runs a module in its own Node process, so that measurements share neither heap, nor compiled code, nor event loop. The
 * garbage collector is exposed in that process. Returns what the module passed to {@link answer}.
 *
 * @param options.quiet true to have what the module writes to stderr in the error instead of on the terminal
 * @throws Error if the process ends without an answer
 */
export async function ask<T>(module: URL, args: readonly (string | number)[] = [], { quiet = false } = {}): Promise<T> {
  const execArgv = [...process.execArgv, '--expose-gc'];
  const stdio: StdioOptions = ['inherit', 'inherit', quiet ? 'pipe' : 'inherit', 'ipc'];
  const child = fork(module, args.map(String), { execArgv, stdio });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let answered: { value: T } | undefined;
  child.on('message', (value) => {
    answered = { value: value as T };
  });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGKILL'), MOST_MS);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(late);
      if (code === 0 && answered) resolve(answered.value);
      else reject(new Error(`${module.pathname} ended with ${signal ?? code}; its own message is ${said || 'above'}.`));
    });
  });
}

/** Sends the answer to the process that called {@link ask}. If there is no such process, prints the answer. */
export function answer(value: unknown): void {
  if (!process.send) console.dir(value, { depth: null });
  else process.send(value, () => process.disconnect());
}

/** Frees unused memory, so that a measurement does not pay for the measurement before. */
export function collectGarbage(): void {
  globalThis.gc?.();
}
