import { fork } from 'node:child_process';

/**
 * Runs a module in its own Node process, so that measurements share neither heap, nor compiled code, nor event loop. The
 * garbage collector is exposed in that process. Returns what the module passed to {@link answer}.
 *
 * @throws Error if the process ends without an answer
 */
export async function ask<T>(module: URL, args: readonly (string | number)[] = []): Promise<T> {
  const child = fork(module, args.map(String), { execArgv: [...process.execArgv, '--expose-gc'] });
  let answered: { value: T } | undefined;
  child.on('message', (value) => {
    answered = { value: value as T };
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0 && answered) resolve(answered.value);
      else reject(new Error(`${module.pathname} ended with ${signal ?? code}; its own message is above.`));
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
