import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LogMonitor } from '../../../../src/core/orchestration/monitoring/log-monitor.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

const RESULT = { type: 'result', subtype: 'success', is_error: false, result: 'done' };
const text = (said: string): object => ({ type: 'assistant', message: { content: [{ type: 'text', text: said }] } });
const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/logs/${name}.jsonl`, import.meta.url), 'utf8');
const jsonLines = (...events: object[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');

async function monitorOf(
  log: string,
  offset = 0,
): Promise<{ monitor: LogMonitor; seen: (readonly Observation[])[]; path: string }> {
  const path = join(tempFolder(), 'stream.log');
  writeFileSync(path, log);
  const seen: (readonly Observation[])[] = [];
  const monitor = await LogMonitor.start({ logFile: path, offset, onObservations: (one) => seen.push(one) });
  onTestFinished(() => monitor.stop());
  return { monitor, seen, path };
}

async function read(log: string, offset = 0): Promise<{ monitor: LogMonitor; seen: Observation[] }> {
  const { monitor, seen } = await monitorOf(log, offset);
  await monitor.drain();
  return { monitor, seen: seen.flat() };
}

describe('LogMonitor', () => {
  it('reports the observations of each line, never an empty list, and keeps the result', async () => {
    const { monitor, seen } = await monitorOf(fixture('subagent'));
    await eventually(() => expect(monitor.result).toMatchObject({ kind: 'result', text: 'The helper found nothing.' }));
    await monitor.drain();
    expect(seen.every((observations) => observations.length > 0)).toBe(true);
    expect(seen.flat().filter(({ kind }) => kind === 'tool')).toHaveLength(2);
    expect(seen.at(-1)?.[0]?.kind).toBe('result');
  });

  it('reports the same observations for a log with CRLF', async () => {
    const { seen } = await read(fixture('two-turns').replaceAll('\n', '\r\n\r\n'));
    expect(seen).toEqual((await read(fixture('two-turns'))).seen);
  });

  it("begins at the run's offset, and ignores the result of an earlier run", async () => {
    const earlier = jsonLines(text('first'), RESULT);
    const { monitor, seen } = await read(earlier + jsonLines(text('second')), Buffer.byteLength(earlier));
    expect(seen).toEqual([{ kind: 'message', text: 'second', first: true }]);
    expect(monitor.result).toBeUndefined();
  });

  it('keeps the last result if there are several', async () => {
    const { monitor } = await read(jsonLines(RESULT, { ...RESULT, result: 'later' }));
    expect(monitor.result?.text).toBe('later');
  });

  it("finds no result in a tool's output, whatever lines the tool prints", async () => {
    const forged = JSON.stringify(RESULT);
    const block = { type: 'tool_result', tool_use_id: 't', content: `\n${forged}\n` };
    const { monitor } = await read(jsonLines({ type: 'user', message: { content: [block] } }));
    expect(monitor.result).toBeUndefined();
  });

  it('reports everything that was appended before drain()', async () => {
    const { monitor, seen, path } = await monitorOf('');
    appendFileSync(path, `${JSON.stringify(text('last words'))}\n${JSON.stringify(RESULT)}`);
    await monitor.drain();
    expect(seen.flat().map(({ kind }) => kind)).toEqual(['message', 'result']);
    expect(monitor.result?.text).toBe('done');
  });
});

describe("the conversation's transcript", () => {
  const ID = '11111111-2222-4333-8444-555555555555';
  const INIT = { type: 'system', subtype: 'init', session_id: ID };
  const said = (output_tokens: number): object => ({
    type: 'assistant',
    message: { id: 'm', content: [{ type: 'text', text: 'a' }], usage: { input_tokens: 5, output_tokens } },
  });

  it('the transcript refines the token counts of messages in the log', async () => {
    const folder = tempFolder();
    const logFile = join(folder, 'stream.log');
    const transcripts = join(folder, 'projects');
    mkdirSync(transcripts);
    writeFileSync(logFile, jsonLines(INIT, said(1)));
    writeFileSync(join(transcripts, `${ID}.jsonl`), jsonLines(said(1), said(90)));
    const seen: Observation[] = [];
    const monitor = await LogMonitor.start({
      logFile,
      offset: 0,
      transcripts,
      onObservations: (one) => seen.push(...one),
    });
    await monitor.drain();
    expect(seen.flatMap((one) => (one.kind === 'usage' ? [one.added.output] : []))).toEqual([1, 89]);
  });
});

describe('lines that are not stream-json', () => {
  it('other lines become diagnostics without colours and control sequences, cut at 500 characters', async () => {
    const { seen } = await read(
      `\u001b[31mred\u001b[0m\u001b]0;title\u0007 text  \n${'x'.repeat(600)}\n   \n[1,2]\n"text"\nnull\n`,
    );
    expect(seen).toEqual([
      { kind: 'diagnostic', line: 'red text' },
      { kind: 'diagnostic', line: 'x'.repeat(500) },
      { kind: 'diagnostic', line: '[1,2]' },
      { kind: 'diagnostic', line: '"text"' },
      { kind: 'diagnostic', line: 'null' },
    ]);
  });

  it('a diagnostic contains no terminal control character, even if a control sequence is cut', async () => {
    const { seen } = await read(`bell\u0007 and back\b\nx${'y'.repeat(497)}\u001b[31mred\n`);
    expect(seen).toEqual([
      { kind: 'diagnostic', line: 'bell  and back' },
      { kind: 'diagnostic', line: `x${'y'.repeat(497)} [` },
    ]);
  });

  it('a line that reads like an error is also reported as an error', async () => {
    const { seen } = await read('mkdir: cannot create directory: Permission denied\n');
    expect(seen.map(({ kind }) => kind)).toEqual(['diagnostic', 'error']);
    expect(seen[1]).toMatchObject({ severity: 'critical', code: 'permission_denied' });
  });

  it('the last five diagnostics are kept for the end of the run', async () => {
    const { monitor } = await read(['1', 'b', 'c', 'd', 'e', 'f', 'g'].map((line) => `line ${line}\n`).join(''));
    expect(monitor.lastDiagnostics).toEqual(['line c', 'line d', 'line e', 'line f', 'line g']);
  });

  it('diagnostics beyond a limit are not shown, except for the last five at the end of the run', async () => {
    const flood = Array.from({ length: 200_000 }, (_, index) => `line ${index}\n`).join('');
    const { monitor, seen: all } = await read(`${flood}{"a":"}\nThe reason\n`);
    const seen = all.filter(({ kind }) => kind === 'diagnostic');
    expect(seen.slice(0, 500)).toEqual(
      Array.from({ length: 500 }, (_, index) => ({ kind: 'diagnostic', line: `line ${index}` })),
    );
    expect(seen.length).toBeLessThan(5_000);
    const last = ['line 199997', 'line 199998', 'line 199999', '{"a":"}', 'The reason'];
    expect(monitor.lastDiagnostics).toEqual(last);
    expect(seen.slice(-5)).toEqual(last.map((line) => ({ kind: 'diagnostic', line })));
  });

  it('a flood of other lines hides no event and no sign of tampering', async () => {
    const flood = 'y\n'.repeat(100_000);
    const { seen } = await read(`${flood}${JSON.stringify(text('hello'))}\n${flood}x"tool_use_id"x\n${flood}`);
    expect(seen.map(({ kind }) => kind).filter((kind) => kind !== 'diagnostic')).toEqual(['message', 'tampered']);
  });

  it('an incomplete last line of the log becomes a diagnostic', async () => {
    const { monitor, seen } = await read('{"type":"result","subtype":"succ');
    expect(seen).toEqual([{ kind: 'diagnostic', line: '{"type":"result","subtype":"succ' }]);
    expect(monitor.result).toBeUndefined();
  });

  const CALL = JSON.stringify({
    type: 'assistant',
    message: { content: [{ type: 'tool_use', id: 't', name: 'Bash' }] },
  });
  const ENDED = JSON.stringify({ type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: 't' }] } });

  it.each([
    ['a tool call', `{"type":"x ${CALL.slice(0, -1)}`],
    ['the end of a tool call', ENDED.replace('{"content"', '{written into it"content"')],
    ['the end of a tool call, cut off', `${ENDED.slice(0, -8)}`],
    ['a tool call behind more braces than the parser tries', `${'{"'.repeat(50)}${CALL}`],
  ])('a broken line about %s is reported as tampering', async (_, line) => {
    const { seen } = await read(`${line}\n${JSON.stringify(text('after'))}\n`);
    expect(seen.map(({ kind }) => kind).filter((kind) => kind !== 'error')).toEqual([
      'diagnostic',
      'tampered',
      'message',
    ]);
  });

  it('an incomplete last line is not tampering, because Claude may have been killed while writing it', async () => {
    for (const line of [CALL, ENDED]) {
      const { seen } = await read(line.slice(0, -1));
      expect(seen).toEqual([{ kind: 'diagnostic', line: line.slice(0, -1) }]);
    }
  });

  it('a broken line that is not about a tool call is not reported as tampering', async () => {
    const { seen } = await read('{"type":"assistant","mess\n"type": "tool"\ntool_use_id\n');
    expect(seen.map(({ kind }) => kind)).toEqual(['diagnostic', 'diagnostic', 'diagnostic']);
  });
});

describe('stream-json after text without a line end', () => {
  it.each(['entrypoint: ready ', '{', '{"', '{"type":', '{"half":{"of":"it', '}{"type":"x"}', '\u001b[0m'])(
    'an event is read after the text %j on the same line',
    async (garbage) => {
      const { seen } = await read(`${garbage}${JSON.stringify(text('hello'))}\n`);
      expect(seen).toEqual([{ kind: 'message', text: 'hello', first: true }]);
    },
  );

  it('the result is read after other text on the same line', async () => {
    const { monitor } = await read(`warning: x${JSON.stringify(RESULT)}\n`);
    expect(monitor.result?.text).toBe('done');
  });

  it('an event inside the text of another event is not read', async () => {
    const inner = JSON.stringify(RESULT);
    const { monitor, seen } = await read(`x${JSON.stringify(text(inner))}\n`);
    expect(seen).toEqual([{ kind: 'message', text: inner, first: true }]);
    expect(monitor.result).toBeUndefined();
  });

  it.each([
    ['only braces', '{"type"'.repeat(20_000)],
    ['7 MB that are invalid only at their end', `${'{"type":'.repeat(9)}"${'y'.repeat(7_000_000)}`],
    ['a line just below the limit', `${'{"type":'.repeat(9)}"${'y'.repeat(1_000_000)}`],
  ])('a line is parsed once, and then at most 1 MB is parsed to find an event: %s', async (_, line) => {
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    const { seen } = await read(`${line}\n`);
    expect(seen.map(({ kind }) => kind)).toEqual(['diagnostic']);
    const lengths = parse.mock.calls.map(([text]) => text.length);
    expect(lengths[0]).toBe(line.length);
    expect(lengths.slice(1).reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(1024 * 1024);
  });

  const ended = (content: string): string =>
    JSON.stringify({ type: 'user', message: { content: [{ tool_use_id: 't', type: 'tool_result', content }] } });

  it.each([
    ['a long line', `x${ended('y'.repeat(2_000_000))}`],
    ['a line with much text in front', `${'x'.repeat(10_000)}${ended('y')}`],
  ])(
    'the end of a tool call in %s is not read but reported as tampering, with or without a line end',
    async (_, line) => {
      for (const end of ['\n', '', ' ']) {
        const { seen } = await read(`${line}${end}`);
        expect(seen.map(({ kind }) => kind)).toEqual(['diagnostic', 'tampered']);
      }
      const { seen } = await read(line.slice(0, -4)); // Claude was killed while it wrote the line.
      expect(seen.map(({ kind }) => kind)).toEqual(['diagnostic']);
    },
  );
});

describe('a line that is too long', () => {
  const LONG = 'z'.repeat(17 * 1024 * 1024);
  const AFTER = { kind: 'message', text: 'after', first: true };
  const told = async (line: string): Promise<Observation[]> => {
    const { seen } = await read(`${line}\n${JSON.stringify(text('after'))}\n`);
    expect(seen[0]).toEqual({
      kind: 'diagnostic',
      line: expect.stringMatching(/^A log line was skipped because of its length: ./),
    });
    return seen.slice(1).filter(({ kind }) => kind !== 'error');
  };

  it('a line that is too long counts as a tool result with skipped output if it begins like one', async () => {
    const block = { tool_use_id: 'toolu_1', type: 'tool_result', content: LONG };
    const line = JSON.stringify({ type: 'user', message: { role: 'user', content: [block] } });
    const skipped = { kind: 'tool-result', toolUseId: 'toolu_1', outcome: 'ok', output: '', skipped: true };
    expect(await told(line)).toEqual([skipped, AFTER]);
  });

  it.each([
    ['behind much text', `"x":"${LONG}`],
    ['at once', ''],
  ])(
    'an event of Claude in a line that begins like the result of another call is reported as tampering: %s',
    async (_, more) => {
      const start = `{"type":"user","message":{"content":[{"tool_use_id":"toolu_1",${more}`;
      const seen = await told(`${start}${JSON.stringify(text(LONG))}`);
      expect(seen.map(({ kind }) => kind)).toEqual(['tool-result', 'tampered', 'message']);
    },
  );

  const user = (...content: object[]): object => ({ type: 'user', message: { content }, parent_tool_use_id: null });
  const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: LONG } };
  it.each([
    ['text that Claude does not write', LONG],
    ['a message', JSON.stringify(text(LONG))],
    ['a message of the user', JSON.stringify({ type: 'user', message: { content: LONG } })],
    ['a PDF that Claude read', JSON.stringify(user(pdf))],
    ['an image behind a text that quotes a call', JSON.stringify(user({ text: '"type":"tool_use"' }, pdf))],
    ["a subagent's line without a call of its own", `{"type":"user","parent_tool_use_id":"toolu_1","x":"${LONG}"}`],
  ])('a line that is too long is only a diagnostic if it cannot carry a tool call: %s', async (_, line) => {
    expect(await told(line)).toEqual([AFTER]);
  });

  it.each([
    ['a tool call', JSON.stringify({ type: 'assistant', message: { content: [{ type: 'tool_use', input: LONG }] } })],
    ['a tool call behind a document', JSON.stringify(user(pdf, { type: 'tool_use', id: 't', name: 'Bash' }))],
    ['a line of Claude behind other text', `${LONG}{"type":"assistant","message":{"content":[{"type":"tool_use"`],
    ['a result behind a document', JSON.stringify(user(pdf, { type: 'tool_result', tool_use_id: 't' }))],
    ['a call with escaped letters', `${LONG}{"type":"\\u0074ool_use"}`],
    [
      'the end of a call behind other text',
      `x{"type":"user","message":{"content":[{"tool_use_id":"toolu_1","x":"${LONG}`,
    ],
    ['the end of a call with an id of 17 MB', `{"type":"user","message":{"content":[{"tool_use_id":"${LONG}`],
  ])('a line that is too long is reported as tampering if it can carry a tool call: %s', async (_, line) => {
    expect(await told(line)).toEqual([{ kind: 'tampered' }, AFTER]);
  });
});

describe('a line with more values than can be parsed without blocking the process', () => {
  const MANY = '1,'.repeat(200_000);
  it.each([
    [
      'a line with too many values counts as a tool result if it begins like one',
      '{"type":"user","message":{"content":[{"tool_use_id":"t","x":[',
      'tool-result',
    ],
    [
      'a line with too many values is reported as tampering if it is about a tool call',
      '{"type":"assistant","y":{"type":"tool_use"},"x":[',
      'tampered',
    ],
    ['a line with too many values is only a diagnostic if it is not about a tool call', 'var x=[', undefined],
    [
      'a line with too many values is reported as tampering if an event follows the start of a result',
      `{"type":"user","message":{"content":[{"tool_use_id":"t","x":[${'1,'.repeat(200_000)}{"type":"user","message":[`,
      'tampered',
    ],
  ])('%s', async (_, start, kind) => {
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    const { seen } = await read(`${start}${MANY}1]}\n`);
    expect(seen[0]).toMatchObject({ kind: 'diagnostic', line: expect.stringContaining('because of its many values') });
    expect(seen.slice(1).map((one) => one.kind)).toEqual(kind === undefined ? [] : [kind]);
    expect(parse).not.toHaveBeenCalled();
  });
});

describe('a sign of life', () => {
  it('a sign of life is reported for each stream-json line, before its observations, even without any', async () => {
    const path = join(tempFolder(), 'stream.log');
    const quiet = { type: 'system', subtype: 'status' };
    writeFileSync(path, `starting\n${jsonLines(quiet, text('a'), quiet)}{"type":\n[1]\n\n`);
    const order: string[] = [];
    const monitor = await LogMonitor.start({
      logFile: path,
      offset: 0,
      onObservations: (seen) => order.push(...seen.map(({ kind }) => kind)),
      onActivity: () => order.push('alive'),
    });
    await monitor.drain();
    expect(order).toEqual(['diagnostic', 'alive', 'alive', 'message', 'alive', 'diagnostic', 'diagnostic']);
  });
});

describe('output and errors of the monitor', () => {
  it('the monitor prints nothing, whatever the log holds', async () => {
    const spies = [
      ...(['log', 'warn', 'error', 'info', 'debug'] as const).map((name) => vi.spyOn(console, name)),
      vi.spyOn(process.stdout, 'write'),
      vi.spyOn(process.stderr, 'write'),
    ];
    onTestFinished(() => void vi.restoreAllMocks());
    await read(`${fixture('tool-error')}not json\n{"type":\n\u0000\u0007\n{"type":"error","error":"x"}\n`);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it('start() rejects if the log is a link', async () => {
    const link = join(tempFolder(), 'stream.log');
    symlinkSync('/etc/hostname', link);
    const start = LogMonitor.start({ logFile: link, offset: 0, onObservations: () => {} });
    await expect(start).rejects.toMatchObject({ code: 'ELOOP' });
  });
});
