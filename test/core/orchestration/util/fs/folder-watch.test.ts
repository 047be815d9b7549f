import { mkdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type FolderWatchOptions, watchFolder } from '../../../../../src/core/orchestration/util/fs/folder-watch.js';
import { eventually } from '../../../../support/eventually.js';
import { tempFolder } from '../../../../support/temp-folder.js';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, watch: vi.fn(fs.watch) };
});

/** Longer than any test waits. */
const NEVER_MS = 2 ** 31 - 1;

function observable(folder: string, options: FolderWatchOptions) {
  const names: (string | null)[] = [];
  const stop = watchFolder(folder, (name) => names.push(name), options);
  onTestFinished(stop);
  const result = vi.mocked(watch).mock.results.at(-1);
  return { names, stop, watcher: result?.type === 'return' ? result.value : undefined };
}

it('a change is reported without a poll', async () => {
  const folder = tempFolder();
  const { names } = observable(folder, { pollMs: NEVER_MS, unwatchedPollMs: NEVER_MS });
  writeFileSync(join(folder, 'one'), '');
  await eventually(() => expect(names).toContain('one'));
});

it('the folder is also polled while it is watched, because the watch may miss changes', async () => {
  const { names } = observable(tempFolder(), { pollMs: 5, unwatchedPollMs: NEVER_MS });
  await eventually(() => expect(names).toContain(null));
});

it('a watched folder without pollMs sets no timer', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  observable(tempFolder(), { unwatchedPollMs: 5 });
  expect(vi.getTimerCount()).toBe(0);
});

it('a folder that cannot be watched is polled', async () => {
  const folder = join(tempFolder(), 'not-there-yet');
  const { names } = observable(folder, { pollMs: NEVER_MS, unwatchedPollMs: 5 });
  mkdirSync(folder);
  await eventually(() => expect(names).toContain(null));
});

it('a folder is polled after its watch fails', async () => {
  const { names, watcher } = observable(tempFolder(), { pollMs: NEVER_MS, unwatchedPollMs: 5 });
  watcher?.emit('error', new Error('no more watches'));
  await eventually(() => expect(names).toContain(null));
});

it.each([
  ['watched', (folder: string) => folder],
  ['not watched', (folder: string) => join(folder, 'none')],
])('a stopped watch has no timer, even if the watch fails afterwards: folder %s', (_, folder) => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { watcher, stop } = observable(folder(tempFolder()), { pollMs: 5, unwatchedPollMs: 5 });
  expect(vi.getTimerCount()).toBe(1);
  stop();
  watcher?.emit('error', new Error('no more watches'));
  stop();
  expect(vi.getTimerCount()).toBe(0);
});
