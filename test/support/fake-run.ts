import type { RunHandle } from 'autonomous-orchestration';

/** A run that executes, does nothing and never ends. @param change what is otherwise */
export const fakeRun = (change: Partial<RunHandle> = {}): RunHandle => ({
  started: Promise.resolve({}),
  ended: new Promise(() => {}),
  stop: async () => {},
  detach: async () => {},
  release: async () => {},
  ...change,
});
