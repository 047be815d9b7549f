import { useState } from 'react';

export interface Work {
  readonly busy: boolean;
  /** Why the last work failed. */
  readonly error: string | undefined;
  /** Runs the work. If it succeeds, `then` is called with its result. */
  run<Result>(work: () => Promise<Result>, then?: (result: Result) => void): void;
}

/** The state of a button that starts work on the server. */
export function useWork(): Work {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  return {
    busy,
    error,
    run(work, then) {
      setBusy(true);
      setError(undefined);
      work()
        .then(then)
        .catch((failure: unknown) => setError(failure instanceof Error ? failure.message : String(failure)))
        .finally(() => setBusy(false));
    },
  };
}
