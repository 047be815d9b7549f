import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ChannelCoderSource } from '../../../../src/core/orchestration/monitoring/channelcoder-source.js';
import type { LogListener, LogSource } from '../../../../src/core/orchestration/monitoring/log-source.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

// With the real package `channelcoder` and the real `tail`. What differs from `LogFollower` is in log-source.test.ts.

const line = (type: string): string => `${JSON.stringify({ type })}\n`;

async function opened(before: string, mostBytes?: number) {
  const path = join(tempFolder(), 'stream.log');
  writeFileSync(path, before);
  const told: string[] = [];
  const listener: LogListener = {
    onEvent: ({ type }) => told.push(type),
    onOtherLine: (text) => told.push(text),
    onFull: () => told.push('full'),
    onLine: () => told.push('a line, as of LogFollower'),
    onOversized: () => {},
  };
  const place = { offset: 0, ...(mostBytes !== undefined && { mostBytes }) };
  const source: LogSource = await ChannelCoderSource.open(path, place, listener);
  onTestFinished(() => source.close());
  const tails = await eventually(() => {
    const found = tailsOf(path);
    if (mostBytes === undefined) expect(found).toHaveLength(1);
    return found;
  });
  return { source, path, told, tails };
}

/** The process ids of what follows a file with `tail`. */
function tailsOf(path: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const [command, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return command === 'tail' && args.includes(path);
    } catch {
      return false; // It has just ended.
    }
  });
}

it('the tail process is ended when the run has ended', async () => {
  const { source, path } = await opened(line('one'));
  await source.drain();
  await eventually(() => expect(tailsOf(path)).toEqual([]));
});

it('the tail process is ended when the source is closed while the run continues', async () => {
  const { source, path } = await opened(line('one'));
  source.close();
  await eventually(() => expect(tailsOf(path)).toEqual([]));
});

it('the tail process is ended at once when the log exceeds its limit', async () => {
  const { path, told } = await opened(line('one'), 5);
  await eventually(() => expect(tailsOf(path)).toEqual([]));
  expect(told).toEqual(['full']);
});

it('each event is reported once even if the run ends while monitorLog still reports events', async () => {
  const { source, path, told } = await opened('');
  const types = Array.from({ length: 2_000 }, (_, index) => `type ${index}`);
  appendFileSync(path, types.map(line).join(''));
  await eventually(() => expect(told).not.toEqual([]), { interval: 1 });
  await source.drain();
  expect(told).toEqual(types);
});

it('if the tail process has died, the remaining lines are reported at the end of the run', async () => {
  const { source, path, told, tails } = await opened(line('one'));
  await eventually(() => expect(told).toEqual(['one']));
  for (const pid of tails) process.kill(pid, 'SIGKILL');
  await eventually(() => expect(tailsOf(path)).toEqual([]));
  appendFileSync(path, `${line('two')}other\n${line('three')}`);
  await source.drain();
  expect(told).toEqual(['one', 'two', 'other', 'three']);
});

it('nothing is reported after close(), even if the source is still reading the rest', async () => {
  const { source, path, told } = await opened('');
  appendFileSync(path, 'other\n'.repeat(100_000));
  const draining = source.drain();
  source.close();
  await draining;
  expect(told).toEqual([]);
});

it('caughtUp resolves if the source is closed before monitorLog has reported anything', async () => {
  const { source } = await opened(line('one'));
  source.close();
  await source.caughtUp;
});
