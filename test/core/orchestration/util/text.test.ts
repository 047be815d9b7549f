import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { singleLine, stripControl, truncate } from '../../../../src/core/orchestration/util/text.js';

const ESC = '\u001b';

/** The pattern by which Node.js 20 and later recognize an escape sequence. */
const NODES = new RegExp(
  [
    String.raw`[\u001B\u009B][[\]()#;?]*`,
    String.raw`(?:(?:(?:(?:;[-a-zA-Z\d\/\#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d\/\#&.:=?%@~_]*)*)?`,
    String.raw`(?:\u0007|\u001B\u005C|\u009C))|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-ntqry=><~]))`,
  ].join(''),
  'g',
);
const harmlessInNode = (text: string): string => text.replace(NODES, '').replace(/(?![\n\t])\p{Cc}/gu, ' ');

describe('stripControl and singleLine', () => {
  it.each([
    ['colours', `${ESC}[1;31mred${ESC}[0m and \u009b4mline\u009b24m`, 'red and line'],
    ['a cursor that moves', `a${ESC}[2J${ESC}[10;20Hb${ESC}[?25lc`, 'abc'],
    ['a title', `${ESC}]0;title\u0007text`, 'text'],
    ['a link', `${ESC}]8;;https://example.com/a?b=c${ESC}\\name${ESC}]8;;${ESC}\\`, 'name'],
    ['a charset and a reset', `${ESC}(Bx${ESC}cy`, 'xy'],
    ['the rest of a sequence that was cut', `text${ESC}[`, 'text ['],
    ['no sequence at all', 'a [b] (c) #;?', 'a [b] (c) #;?'],
    ['text beyond ASCII', `${ESC}[1mdéjà 🙂 漢字${ESC}[0m`, 'déjà 🙂 漢字'],
  ])('control sequences are removed from a text: %s', (_, text, left) => {
    expect(stripControl(text)).toBe(left);
    expect(singleLine(text)).toBe(left);
  });

  it('stripControl keeps line breaks and tabs, singleLine makes one line', () => {
    expect(stripControl('a\tb\r\nc\u0000d')).toBe('a\tb \nc d');
    expect(singleLine('  a\tb\r\nc\u0000d\n')).toBe('a b c d');
  });

  it('stripControl removes the same sequences as Node.js', () => {
    const parts = ['\u001b', '\u009b', '\u0007', '\u009c', '\\', '[', ']', '(', '#', ';', '?', '/', '_', '=', '~', '>'];
    const characters = fc.constantFrom(...parts, 'a', 'B', 'Q', 'm', '0', '1', '12345', '%', ' ', '\n', 'é', '🙂');
    const texts = fc.array(characters, { maxLength: 40, size: 'max' }).map((given) => given.join(''));
    const sequences = fc.array(fc.constantFrom(...parts.slice(1), '1', 'm', 'x'), { maxLength: 12, size: 'max' });
    const likely = fc
      .array(sequences, { maxLength: 5, size: 'max' })
      .map((all) => all.map((one) => ESC + one.join('')).join(''));
    fc.assert(
      fc.property(fc.oneof(texts, likely), (text) => {
        expect(stripControl(text)).toBe(harmlessInNode(text));
      }),
      { numRuns: 20_000 },
    );
  });

  it('stripControl leaves no control character, even if a sequence is very long', () => {
    for (const length of [4_094, 4_095, 4_096, 4_097, 10_000]) {
      for (const end of ['\u0007', `${ESC}\\`, 'm', '']) {
        for (const text of [`${ESC}]0;${'x'.repeat(length)}${end}`, `${ESC}[${'1;'.repeat(length)}${end}`]) {
          expect(stripControl(text)).not.toMatch(/(?![\n\t])\p{Cc}/u);
        }
      }
    }
  });

  /** Texts that a search for sequences has to scan completely before it finds none. */
  const HOSTILE: [string, (length: number) => string][] = [
    ['an introducer', (length) => ESC + '#;'.repeat(length / 2)],
    ['a repeated introducer', (length) => `${ESC}${'#;'.repeat(1_000)}`.repeat(length / 2_001)],
    ['parts', (length) => `${ESC}]${';a'.repeat(length / 2)}`],
    ['numbers', (length) => `${ESC}[${'1;'.repeat(length / 2)}`],
    ['a command', (length) => `${ESC}]${'a'.repeat(length)}`],
    ['empty parts', (length) => `${ESC}]a${';'.repeat(length)}`],
    ['escapes', (length) => ESC.repeat(length)],
    ['both introducers', (length) => `${ESC}\u009b[`.repeat(length / 3)],
  ];

  it.each(HOSTILE)('the time of stripControl grows in proportion to the length: %s', (_, make) => {
    // The time on the processor, because other programs may use it, too.
    const cost = (length: number): number => {
      const text = make(length);
      const from = process.cpuUsage();
      stripControl(text);
      const { user, system } = process.cpuUsage(from);
      return (user + system) / 1_000;
    };
    // If the time grew with the square of the length,
    // sixteen times the length would take 256 times as long.
    const least = (length: number): number => Math.min(...[1, 2, 3, 4, 5].map(() => cost(length)));
    cost(100_000);
    expect(least(1_600_000)).toBeLessThan(100 * Math.max(least(100_000), 0.1));
  });

  it('stripControl removes escapes from megabytes of hostile text', () => {
    for (const [, make] of HOSTILE) {
      expect(stripControl(make(2 * 1024 * 1024))).not.toContain(ESC);
    }
  });
});

it('truncate cuts a text at the given length and marks the cut', () => {
  expect(truncate('abc', 3)).toBe('abc');
  expect(truncate('abcd', 3)).toBe('abc…');
});
