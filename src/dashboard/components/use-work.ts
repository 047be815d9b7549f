import { useState } from 'react';

export interface Work {
  readonly busy: boolean;
  /** Why the last one failed. */
  readonly error: string | undefined;
  /** Does something that takes a while; `then` is called with what it answers, if it does not fail. */
  run<Result>(work: () => Promise<Result>, then?: (result: Result) => void): void;
}

/** The state of a button whose work is done by the server. */
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
