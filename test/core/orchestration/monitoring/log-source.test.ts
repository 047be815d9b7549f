import { appendFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BacklogState } from '../../../../src/core/orchestration/monitoring/backlog.js';
import { ChannelCoderSource } from '../../../../src/core/orchestration/monitoring/channelcoder-source.js';
import { LogFollower } from '../../../../src/core/orchestration/monitoring/log-follower.js';
import { LogMonitor } from '../../../../src/core/orchestration/monitoring/log-monitor.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** Both sources read the same log, with the real package `channelcoder` and the real `tail`. */
const SOURCES = { LogFollower: LogFollower.open, ChannelCoderSource: ChannelCoderSource.open };
type Name = keyof typeof SOURCES;
const NAMES = Object.keys(SOURCES) as Name[];

const FIXTURES = ['two-turns', 'subagent', 'tool-error'];
const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/logs/${name}.jsonl`, import.meta.url), 'utf8');

const said = (text: string): string =>
  JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text }] } });
const message = (text: string): Observation => ({ kind: 'message', text, first: true });
const diagnostic = (line: string): Observation => ({ kind: 'diagnostic', line });
const RESULT = JSON.stringify({ type: 'result', subtype: 'success', is_error: false, result: 'done' });
const MARK = 'Everything before this was reported.';
const MARK_LINE = `${said(MARK)}\n`;

interface Log {
  /** What the log holds when the source is opened. */
  before?: string;
  /** What is appended afterwards, one write each. */
  pieces?: readonly string[];
  /** What is appended right before the end of the run. */
  last?: string;
  offset?: number;
  mostBytes?: number;
}

/** What a monitor reported. `alive` is the sign of life that each event gives. */
type Told = Observation | 'alive' | 'full' | BacklogState;

/** Not compared: only `LogFollower` reports them. */
const STATES: readonly Told[] = ['behind', 'caught-up'];

interface Report {
  /** While the run continues. */
  live: Told[];
  /** After the run has ended. */
  atEnd: Told[];
}

async function observable(name: Name, { before = '', offset = 0, mostBytes }: Log) {
  const logFile = join(tempFolder(), 'stream.log');
  writeFileSync(logFile, before);
  const told: Told[] = [];
  const options = {
    logFile,
    offset,
    ...(mostBytes !== undefined && { mostBytes }),
    onObservations: (seen: readonly Observation[]) => told.push(...seen),
    onActivity: () => told.push('alive'),
    onBacklog: (state: BacklogState) => told.push(state),
    onFull: () => told.push('full'),
  };
  const monitor = await LogMonitor.start(options, SOURCES[name]);
  onTestFinished(() => monitor.stop());
  const says = (text: string): Promise<void> => eventually(() => expect(JSON.stringify(told)).toContain(text));
  return { monitor, told, logFile, says };
}

/** Follows a log until an event is reported that is appended last, and then to the end of the log. */
async function reportOf(name: Name, { pieces = [], last = '', ...log }: Log): Promise<Report> {
  const { monitor, told, logFile, says } = await observable(name, log);
  for (const piece of [...pieces, MARK_LINE]) appendFileSync(logFile, piece);
  await says(MARK);
  const live = told.splice(0).filter((one) => !STATES.includes(one));
  expect(live.splice(-2)).toEqual(['alive', expect.objectContaining({ kind: 'message', text: MARK })]);
  appendFileSync(logFile, last);
  await monitor.drain();
  return { live, atEnd: told };
}

/** What each source reports of a log. */
async function reportsOf(log: Log): Promise<Record<Name, Report>> {
  return {
    LogFollower: await reportOf('LogFollower', log),
    ChannelCoderSource: await reportOf('ChannelCoderSource', log),
  };
}

const EARLIER = `starting\n${Array.from({ length: 30 }, (_, index) => `${said(`earlier ${index}`)}\n`).join('')}${RESULT}\nstderr\n`;

describe('LogFollower and ChannelCoderSource, compared', () => {
  it.each([
    ...FIXTURES.map((name): [string, Log] => [`the log ${name}`, { before: fixture(name) }]),
    ...FIXTURES.map((name): [string, Log] => [
      `the log ${name}, appended line by line`,
      { pieces: fixture(name).split(/(?<=\n)/) },
    ]),
    ...FIXTURES.map((name): [string, Log] => [
      `the log ${name}, appended in pieces of 700 characters`,
      { pieces: fixture(name).match(/.{1,700}/gs) ?? [] },
    ]),
    ['a log with CRLF and empty lines', { before: fixture('two-turns').replaceAll('\n', '\r\n\r\n') }],
    [
      'an event that was half written when the source was opened',
      { before: `${RESULT}\n${said('whole').slice(0, 30)}`, pieces: [`${said('whole').slice(30)}\n`] },
    ],
    ['a line of 7 MB', { before: `${said('x'.repeat(7_000_000))}\n` }],
    ['events without observations, which count as signs of life', { before: '{"type":"new"}\n{"type":"system"}\n' }],
    [
      "one run's part of a log, without earlier runs",
      { before: EARLIER + fixture('subagent'), offset: EARLIER.length },
    ],
    [
      "one run's part of a log that is still empty when the source is opened",
      { before: EARLIER, offset: EARLIER.length, pieces: [`${RESULT}\n`] },
    ],
  ] satisfies [string, Log][])('both sources report the same at the same time: %s', async (_, log) => {
    const { LogFollower, ChannelCoderSource } = await reportsOf(log);
    expect(LogFollower.live.length).toBeGreaterThan(0);
    expect(ChannelCoderSource).toEqual(LogFollower);
    expect(LogFollower.atEnd).toEqual([]);
  });
});

describe('LogFollower and ChannelCoderSource', () => {
  it('both report events appended right before drain(), even without a line end', async () => {
    for (const name of NAMES) {
      const { atEnd } = await reportOf(name, { last: `${said('last words')}\n${RESULT}` });
      expect(atEnd).toMatchObject(['alive', message('last words'), 'alive', { kind: 'result', text: 'done' }]);
    }
  });

  it('both report nothing that is appended after drain() or stop()', async () => {
    for (const name of NAMES) {
      const [drained, stopped] = [await observable(name, {}), await observable(name, {})];
      await drained.monitor.drain();
      stopped.monitor.stop();
      for (const { logFile, told } of [drained, stopped]) {
        told.length = 0;
        // Another source sees the line. So would this one, if it still followed.
        const witness = await LogMonitor.start(
          { logFile, offset: 0, onObservations: (seen) => sees(seen) },
          SOURCES[name],
        );
        onTestFinished(() => witness.stop());
        let sees: (seen: readonly Observation[]) => void = () => {};
        const seen = new Promise((resolve) => {
          sees = resolve;
        });
        appendFileSync(logFile, MARK_LINE);
        await seen;
        expect(told).toEqual([]);
      }
    }
  });

  it('both report nothing after a listener called stop(), even if more lines were already read', async () => {
    for (const name of NAMES) {
      const logFile = join(tempFolder(), 'stream.log');
      writeFileSync(logFile, '');
      const seen: Observation[] = [];
      const monitor = await LogMonitor.start(
        {
          logFile,
          offset: 0,
          onObservations: (observations) => {
            seen.push(...observations);
            monitor.stop();
          },
        },
        SOURCES[name],
      );
      appendFileSync(logFile, `${said('one')}\n${said('two')}\n`);
      await eventually(() => expect(seen).not.toEqual([]));
      await monitor.drain();
      expect(seen).toEqual([message('one')]);
    }
  });

  it('both resolve caughtUp after reporting the events that the log held at the start', async () => {
    for (const name of NAMES) {
      const { monitor, told } = await observable(name, {
        before: EARLIER + fixture('subagent'),
        offset: EARLIER.length,
      });
      await monitor.caughtUp;
      expect(told.at(told.at(-1) === 'caught-up' ? -2 : -1)).toMatchObject({ kind: 'result' });
    }
  });

  it('both resolve caughtUp at once if the run has written nothing yet', async () => {
    for (const name of NAMES) {
      const { monitor } = await observable(name, { before: EARLIER, offset: EARLIER.length });
      await monitor.caughtUp;
    }
  });

  it('both report once that the log exceeds its limit, whether at the start or later', async () => {
    for (const name of NAMES) {
      const [atFirst, later] = [
        await observable(name, { before: `${RESULT}\n`, mostBytes: 10 }),
        await observable(name, { before: `${RESULT}\n`, mostBytes: 500 }),
      ];
      expect(later.told).not.toContain('full');
      appendFileSync(later.logFile, `${said('x'.repeat(1_000))}\n`);
      for (const { told, monitor } of [atFirst, later]) {
        await eventually(() => expect(told).toContain('full'));
        await monitor.drain();
        expect(told.filter((one) => one === 'full')).toHaveLength(1);
      }
    }
  });

  it('both refuse a link and a missing log', async () => {
    for (const open of Object.values(SOURCES)) {
      const [link, missing] = [join(tempFolder(), 'stream.log'), join(tempFolder(), 'missing')];
      symlinkSync('/etc/hostname', link);
      const start = (logFile: string) => LogMonitor.start({ logFile, offset: 0, onObservations() {} }, open);
      await expect(start(link)).rejects.toMatchObject({ code: 'ELOOP' });
      await expect(start(missing)).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });
});

describe("differences of ChannelCoder's monitorLog", () => {
  it('a line that is not JSON is reported by ChannelCoderSource only at the end of the run', async () => {
    const { LogFollower, ChannelCoderSource } = await reportsOf({
      before: `entrypoint ready\n${said('one')}\n[1,2]\n`,
      pieces: ['{"half":\n', 'mkdir: Permission denied\n'],
    });
    const denied = { kind: 'error', severity: 'critical', code: 'permission_denied' };
    const others = [diagnostic('[1,2]'), diagnostic('{"half":'), diagnostic('mkdir: Permission denied'), denied];
    expect(LogFollower.live).toMatchObject([diagnostic('entrypoint ready'), 'alive', message('one'), ...others]);
    expect(LogFollower.atEnd).toEqual([]);
    expect(ChannelCoderSource.live).toEqual(['alive', message('one')]);
    expect(ChannelCoderSource.atEnd).toMatchObject([diagnostic('entrypoint ready'), ...others]);
  });

  it('ChannelCoderSource reports an event after text without a line end only as a diagnostic', async () => {
    const line = `ready: ${said('one')}`;
    const { LogFollower, ChannelCoderSource } = await reportsOf({ before: `${line}\n` });
    expect(LogFollower).toEqual({ live: ['alive', message('one')], atEnd: [] });
    expect(ChannelCoderSource).toEqual({ live: [], atEnd: [diagnostic(line)] });
  });

  it('ChannelCoderSource reports the first event as a diagnostic if an earlier run left an unfinished line', async () => {
    for (const torn of [said('earlier'), '{"type":']) {
      const before = `${said('earlier')}\n${torn}${said('one')}\n${said('two')}\n`;
      const offset = before.length - `${said('one')}\n${said('two')}\n`.length;
      const { LogFollower, ChannelCoderSource } = await reportsOf({ before, offset });
      expect(LogFollower.live).toMatchObject(['alive', message('one'), 'alive', { kind: 'message', text: 'two' }]);
      expect(ChannelCoderSource).toEqual({ live: ['alive', message('two')], atEnd: [diagnostic(said('one'))] });
    }
  });

  it('both report an event after a lone CR; ChannelCoderSource also reports the text before as diagnostics', async () => {
    const { LogFollower, ChannelCoderSource } = await reportsOf({ before: `10 %\r20 %\r${said('one')}\n` });
    expect(LogFollower).toEqual({ live: ['alive', message('one')], atEnd: [] });
    expect(ChannelCoderSource).toEqual({
      live: ['alive', message('one')],
      atEnd: [diagnostic('10 %'), diagnostic('20 %')],
    });
  });

  it('ChannelCoderSource may lose an event with U+2028, depending on Node.js, but no other event', async () => {
    const before = ['one', 'a\u2028b', 'two'].map((text) => `${said(text)}\n`).join('');
    const { LogFollower, ChannelCoderSource } = await reportsOf({ before });
    const texts = ({ live }: Report): string[] =>
      live.flatMap((one) => (typeof one === 'object' && one.kind === 'message' ? [one.text] : []));
    expect(texts(LogFollower)).toEqual(['one', 'a\u2028b', 'two']);
    expect(texts(ChannelCoderSource).filter((text) => !text.includes('\u2028'))).toEqual(['one', 'two']);
    expect(JSON.stringify(ChannelCoderSource.atEnd)).not.toContain('"message"');
  });

  it('LogFollower skips an event that is too long or has too many values; ChannelCoderSource reports it', async () => {
    const values = JSON.stringify({ type: 'assistant', message: { content: [] }, x: Array(200_000).fill(1) });
    const before = `${said('x'.repeat(9_000_000))}\n${values}\n`;
    const { LogFollower, ChannelCoderSource } = await reportsOf({ before });
    expect(LogFollower.live).toMatchObject([
      { kind: 'diagnostic', line: expect.stringContaining('skipped because of its length') },
      { kind: 'diagnostic', line: expect.stringContaining('skipped because of its many values') },
    ]);
    expect(ChannelCoderSource.live).toMatchObject(['alive', { kind: 'message' }, 'alive']);
    expect(ChannelCoderSource.atEnd).toEqual([]);
  });

  it('ChannelCoderSource never reports caught-up, because it does not know how far it has read', async () => {
    for (const name of NAMES) {
      const { told, says, monitor } = await observable(name, { before: fixture('two-turns') });
      await says('"result"');
      await monitor.drain();
      expect(told.filter((one) => one === 'caught-up')).toHaveLength(name === 'LogFollower' ? 1 : 0);
    }
  });

  it('ChannelCoderSource leaves out events beyond the limit of the log', async () => {
    const before = `${said('one')}\n${said('two')}\n`;
    const told = async (name: Name): Promise<Told[]> => {
      const { told, monitor } = await observable(name, { before, mostBytes: before.length / 2 });
      await monitor.drain();
      return told.filter((one) => !STATES.includes(one));
    };
    const [one, two] = [
      ['alive', message('one')],
      ['alive', { kind: 'message', text: 'two' }],
    ];
    expect(await told('LogFollower')).toMatchObject(['full', ...one, ...two]);
    expect(await told('ChannelCoderSource')).toEqual(['full', ...one]);
  });
});
