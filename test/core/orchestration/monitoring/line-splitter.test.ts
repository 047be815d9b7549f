import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LineListener, LineSplitter } from '../../../../src/core/orchestration/monitoring/line-splitter.js';

const NEVER = Number.POSITIVE_INFINITY;

/** What a splitter reports of chunks, in order. */
function split(
  chunks: readonly Buffer[],
  deadline = NEVER,
): { kind: 'line' | 'plain' | 'dense' | 'oversized'; text: string }[] {
  const told: ReturnType<typeof split> = [];
  const listener: LineListener = {
    onLine: (text) => told.push({ kind: 'line', text }),
    onPlain: (lines) => told.push({ kind: 'plain', text: lines.toString() }),
    onDense: (text) => told.push({ kind: 'dense', text }),
    onOversized: (text) => told.push({ kind: 'oversized', text }),
  };
  const splitter = new LineSplitter(listener);
  for (const chunk of chunks) {
    for (let done = 0; done < chunk.length; ) done += splitter.push(chunk.subarray(done), deadline);
  }
  splitter.end();
  return told;
}

const joined = (told: ReturnType<typeof split>): string =>
  told.map(({ kind, text }) => (kind === 'plain' ? text : `${text}\n`)).join('');

describe('lines that cannot be stream-json', () => {
  it('lines that cannot be stream-json are reported together, however many there are', () => {
    const junk = 'y\n'.repeat(30_000);
    const event = '{"type":"x"}';
    expect(split([Buffer.from(`${junk}${event}\n${junk}`)])).toEqual([
      { kind: 'plain', text: junk },
      { kind: 'line', text: event },
      { kind: 'plain', text: junk },
    ]);
  });

  it.each(['{"type":"x"}', 'x "type" x', '"tool_use_id"', '{"type', '"tool_use_i'])(
    'a line is reported separately only if it can be stream-json: %s',
    (line) => {
      const plain = line === '{"type' || line === '"tool_use_i';
      expect(split([Buffer.from(`a\n${line}\n`)]).at(-1)).toEqual(
        plain ? { kind: 'plain', text: `a\n${line}\n` } : { kind: 'line', text: line },
      );
    },
  );

  it('a possible event is never reported with other lines, and no line is lost, wherever a chunk ends', () => {
    const line = fc.constantFrom('', 'y', '{}', '{"type":"x"}', 'é"type"é', '"tool_use_id"', '{"', '"typ', 'e"');
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        fc.array(fc.nat(20), { maxLength: 30 }),
        fc.boolean(),
        (lines, cuts, late) => {
          const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''));
          const chunks: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) {
            chunks.push(bytes.subarray(at, at + cut));
            at += cut;
          }
          chunks.push(bytes.subarray(at));
          const told = split(chunks, late ? 0 : NEVER);
          const plain = told.flatMap(({ kind, text }) => (kind === 'plain' ? [text] : []));
          expect(plain.join('')).not.toMatch(/"type"|"tool_use_id"/);
          // An empty line may be left out.
          const full = (text: string): string[] => text.split('\n').filter((one) => one !== '');
          expect(full(joined(told))).toEqual(lines.filter((one) => one !== ''));
        },
      ),
    );
  });
});

describe('a line of many values', () => {
  const chunked = (text: string): Buffer[] => {
    const bytes = Buffer.from(text);
    return Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
  };

  it('a line of many values is reported as dense, but a long line of one string is not', () => {
    const many = `{"type":"user","a":[${'1,'.repeat(300_000)}1]}`;
    const text = `{"type":"user","a":"${'1,[{'.repeat(300_000)}"}`;
    expect(split(chunked(`${many}\n${text}\n`)).map(({ kind }) => kind)).toEqual(['dense', 'line']);
    expect(joined(split(chunked(`${many}\n${text}\n`)))).toBe(`${many}\n${text}\n`);
  });
});
