import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { PlantedFile } from '../../../../../src/core/orchestration/git/watch/snapshot.js';
import { GitWatch } from '../../../../../src/core/orchestration/git/watch/watch.js';
import { eventually } from '../../../../support/eventually.js';
import { repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

function scene() {
  const file = join(tempFolder(), 'git.json');
  const found: PlantedFile[] = [];
  const watch = new GitWatch(file, (planted) => void found.push(planted));
  onTestFinished(() => watch.detach());
  return { file, found, watch };
}

function plant(repo: string): string {
  const hook = join(repo, '.git/hooks/pre-commit');
  mkdirSync(join(repo, '.git/hooks'), { recursive: true });
  writeFileSync(hook, '#!/bin/sh\n', { mode: 0o755 });
  return hook;
}

it('end() reports a planted file once and removes the snapshot', async () => {
  const { file, found, watch } = scene();
  const repo = repository();
  await watch.begin(repo);
  expect(existsSync(file)).toBe(true);
  const hook = plant(repo);
  await watch.end();
  await watch.end();
  expect(found.map(({ path }) => path)).toEqual([hook]);
  expect(existsSync(file)).toBe(false);
});

it('a planted file is reported while the agent works', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { found, watch } = scene();
  const repo = repository();
  await watch.begin(repo);
  const hook = plant(repo);
  vi.advanceTimersByTime(15_000);
  await eventually(() => expect(found.map(({ path }) => path)).toEqual([hook]));
});

it('resume() uses the snapshot of an earlier process and searches at once', async () => {
  const { file, watch } = scene();
  const repo = repository();
  await watch.begin(repo);
  watch.detach();
  const hook = plant(repo);
  const found: string[] = [];
  const next = new GitWatch(file, ({ path }) => void found.push(path));
  onTestFinished(() => next.detach());
  await next.resume();
  await eventually(() => expect(found).toEqual([hook]));
});

it('a watch has one timer, and no timer after detach(), even if begin() was under way', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { file, watch } = scene();
  const repo = repository();
  const noted = watch.begin(repo);
  watch.detach();
  await noted;
  expect(existsSync(file)).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
  const next = new GitWatch(file, () => {});
  await next.resume();
  await next.begin(repo); // The run that was to be adopted did not exist.
  expect(vi.getTimerCount()).toBe(1);
  next.detach();
  expect(vi.getTimerCount()).toBe(0);
});

it('a watch reports nothing without a snapshot, and nothing outside a repository', async () => {
  const { found, watch } = scene();
  await watch.resume();
  await watch.end();
  const empty = scene();
  await empty.watch.begin(tempFolder());
  await empty.watch.end();
  expect([...found, ...empty.found]).toEqual([]);
});
