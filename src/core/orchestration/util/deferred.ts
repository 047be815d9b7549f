/** A promise together with the functions that settle it (`Promise.withResolvers`, which Node 20 lacks). */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  /** True if it was resolved. */
  readonly isSettled: boolean;
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  let isSettled = false;
  return {
    promise,
    resolve(value) {
      isSettled = true;
      resolve(value);
    },
    get isSettled() {
      return isSettled;
    },
  };
}

/** The results of all promises. If several fail, the first in the list counts. No other promise is pending any more by then. */
export async function allDone<T extends readonly unknown[]>(
  works: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

/** Waits for work, but not longer than `ms`. Returns undefined if the work takes longer. Keeps no process alive. */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
