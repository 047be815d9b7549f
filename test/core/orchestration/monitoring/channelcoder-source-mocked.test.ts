import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as ChannelCoder from 'channelcoder';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { ChannelCoderSource } from '../../../../src/core/orchestration/monitoring/channelcoder-source.js';
import { LogFollower } from '../../../../src/core/orchestration/monitoring/log-follower.js';
import type { LogSource } from '../../../../src/core/orchestration/monitoring/log-source.js';
import { tempFolder } from '../../../support/temp-folder.js';

const mock = vi.hoisted((): { monitorLog?: unknown } => ({}));
vi.mock('channelcoder', async (original) => {
  const { streamParser } = await original<typeof ChannelCoder>();
  return {
    streamParser,
    get monitorLog() {
      return mock.monitorLog;
    },
  };
});

const cleanUp = vi.fn();
const monitorLog = vi.fn<typeof ChannelCoder.monitorLog>();
beforeEach(() => {
  cleanUp.mockReset();
  monitorLog.mockReset().mockReturnValue(cleanUp);
  mock.monitorLog = monitorLog;
});

async function opened(log: string, offset = 0): Promise<{ source: LogSource; path: string; told: string[] }> {
  const path = join(tempFolder(), 'stream.log');
  writeFileSync(path, log);
  const told: string[] = [];
  const listener = {
    onEvent: ({ type }: { type: string }) => told.push(type),
    onOtherLine: (text: string) => told.push(text),
    onLine: (text: string) => told.push(`line ${text}`),
    onOversized() {},
  };
  const source = await ChannelCoderSource.open(path, { offset }, listener);
  onTestFinished(() => source.close());
  return { source, path, told };
}

/** Reports an event, as `monitorLog` does. */
const report = (type: string): void => monitorLog.mock.calls[0]?.[1]({ type } as ChannelCoder.ClaudeEvent);

it('ChannelCoderSource asks monitorLog for the whole log', async () => {
  const { path } = await opened('');
  const options = { initialLines: Number.MAX_SAFE_INTEGER };
  expect(monitorLog.mock.calls).toEqual([[path, expect.any(Function), options]]);
});

it.each([
  ['drained', (source: LogSource) => source.drain()],
  ['closed', async (source: LogSource) => source.close()],
])(
  'a source that is %s calls the cleanup function of monitorLog once, and reports nothing afterwards',
  async (_, end) => {
    const { source, told } = await opened('');
    report('before');
    expect(cleanUp).not.toHaveBeenCalled();
    await end(source);
    expect(cleanUp).toHaveBeenCalledOnce();
    source.close();
    await source.drain();
    report('after');
    expect(cleanUp).toHaveBeenCalledOnce();
    expect(told).toEqual(['before']);
  },
);

it('ChannelCoderSource reports events of a mocked monitorLog that the log does not hold', async () => {
  const { source, told } = await opened('');
  report('one');
  report('two');
  await source.drain();
  expect(told).toEqual(['one', 'two']);
});

it('events of earlier runs are left out, and drain() reports events that monitorLog has not reported', async () => {
  const earlier = '{"type":"earlier"}\n';
  const { source, told } = await opened(`${earlier}{"type":"one"}\n{"type":"two"}\n`, earlier.length);
  report('earlier');
  report('one');
  expect(told).toEqual(['one']);
  await source.drain();
  expect(told).toEqual(['one', 'two']);
});

it('a LogFollower is used if the mocked ChannelCoder has no monitorLog', async () => {
  mock.monitorLog = undefined;
  const { source, told } = await opened('{"type":"one"}\n');
  expect(source).toBeInstanceOf(LogFollower);
  expect(told).toEqual(['line {"type":"one"}']);
});

it('a LogFollower is used if the mocked monitorLog returns no cleanup function', async () => {
  monitorLog.mockReturnValue(undefined as unknown as () => void);
  const { source, told } = await opened('{"type":"one"}\n');
  expect(source).toBeInstanceOf(LogFollower);
  expect(told).toEqual(['line {"type":"one"}']);
});
