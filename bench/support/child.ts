import { fork } from 'node:child_process';

/**
 * Runs a module in a Node process of its own, so that measurements share neither heap, nor compiled code, nor event
 * loop, and answers what it gave to {@link answer}. The garbage collector is exposed there.
 *
 * @throws Error where it ends without an answer
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

/** Gives the asking process its answer; without one, prints it. */
export function answer(value: unknown): void {
  if (!process.send) console.dir(value, { depth: null });
  else process.send(value, () => process.disconnect());
}

/** Frees what can be freed, so that a measurement does not pay for the one before it. */
export function collectGarbage(): void {
  globalThis.gc?.();
}
