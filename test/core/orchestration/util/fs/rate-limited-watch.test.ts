import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { RateLimitedWatch } from '../../../../../src/core/orchestration/util/fs/rate-limited-watch.js';
import { fakeClock } from '../../../../support/clock.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const CALM_MS = 5_000;

/** A watched folder. Timeouts stand still, polls run in real time. */
function scene() {
  fakeClock();
  const folder = tempFolder();
  const told: (string | null)[] = [];
  const watch = new RateLimitedWatch(folder, (name) => void told.push(name));
  onTestFinished(() => watch.close());
  const write = (times: number, ...names: string[]): void => {
    for (let time = 0; time < times; time++) for (const name of names) writeFileSync(join(folder, name), 'x');
  };
  const tells = async (name: string | null): Promise<void> => {
    while (!told.includes(name)) await nextTurn();
  };
  return { told, watch, write, tells };
}

it('each changed name is reported once a turn, however often it has changed', async () => {
  const { told, write, tells } = scene();
  write(100, 'a', 'b');
  await tells('b');
  expect(told).toEqual(['a', 'b']);
});

it('with too many changes the folder is polled, and it is watched again when it is calm', async () => {
  const { told, write, tells } = scene();
  write(2_000, 'a', 'b');
  await tells(null);
  const before = told.length;
  expect(before).toBeLessThan(10);
  write(1, 'unseen');
  await nextTurn();
  expect(told.slice(before).filter((name) => name !== null)).toEqual([]);
  vi.advanceTimersByTime(CALM_MS);
  write(1, 'seen');
  await tells('seen');
  expect(told).not.toContain('unseen');
});

it('many changes that are spread over time do not count as a flood', async () => {
  const { told, write, tells } = scene();
  for (let second = 0; second < 5; second++) {
    write(100, 'a', 'b');
    write(1, `${second}`);
    await tells(`${second}`);
    vi.advanceTimersByTime(1_000);
  }
  expect(told).not.toContain(null);
});

it('a closed watch reports nothing, not even earlier changes', async () => {
  const { told, watch, write } = scene();
  write(2_000, 'a', 'b');
  await nextTurn();
  watch.close();
  const before = told.length;
  write(1, 'c');
  vi.advanceTimersByTime(CALM_MS);
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  expect(told).toHaveLength(before);
});
