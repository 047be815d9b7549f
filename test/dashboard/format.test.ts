import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, inputLine, inputParts, plural, revealed, usd } from '../../src/dashboard/format.js';

it.each([
  [-5, '0.0 s'],
  [0, '0.0 s'],
  [349, '0.3 s'],
  [9_999, '9.9 s'],
  [10_000, '10 s'],
  [59_999, '59 s'],
  [60_000, '1 m 00 s'],
  [185_000, '3 m 05 s'],
  [3_599_999, '59 m 59 s'],
  [3_600_000, '1 h 00 m'],
  [7_620_000, '2 h 07 m'],
  [86_399_999, '23 h 59 m'],
  [86_400_000, '1 d 0 h'],
  [273_600_000, '3 d 4 h'],
])('duration of %d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it.each([
  [0, '$0.000'],
  [0.0123, '$0.012'],
  [9.5, '$9.500'],
  [10, '$10.00'],
  [1234.567, '$1234.57'],
])('usd of %d is %s', (amount, text) => {
  expect(usd(amount)).toBe(text);
});

it.each([
  [0, '0 dangers'],
  [1, '1 danger'],
  [2, '2 dangers'],
  [1_234, '1.2K dangers'],
])('plural of %d is %s', (value, text) => {
  expect(plural(value, 'danger')).toBe(text);
});

/** Bidirectional controls, joiners and fillers without width, terminal controls, tags, other line ends. */
const UNSEEN = [
  ...'\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c',
  ...'\u200b\u200c\u200d\u2060\u2063\ufeff\u00ad\u034f\u115f\u1160\u17b4\u180e\u3164\uffa0\ufe00\ufff9',
  ...'\0\u0007\b\u001b\u007f\u009b\r\v\f\u0085\u2028\u2029',
  ...'\u{1d173}\u{e0001}\u{e0041}\u{e0100}',
];
const HOSTILE = fc
  .array(
    fc.oneof(
      fc.constantFrom(...UNSEEN),
      fc.constantFrom('\n', '\t', ' ', '│', '│ ', 'rm', '❤', '👩', '\ufe0f'),
      fc.string({ unit: 'binary' }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('revealed', () => {
  it.each(UNSEEN.map((char) => (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')))(
    'revealed() shows U+%s as its code point',
    (code) => {
      expect(revealed(`a${String.fromCodePoint(Number.parseInt(code, 16))}b`)).toBe(`a⟨U+${code}⟩b`);
    },
  );

  it('revealed() leaves no character that is invisible or changes the text direction', () => {
    const unseen = /[\p{Cc}\p{Cf}\p{Bidi_Control}\p{Variation_Selector}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u;
    fc.assert(
      fc.property(HOSTILE, (text) => {
        const rest = revealed(text).replaceAll(/[\n\t]|\p{Extended_Pictographic}\ufe0f/gu, '');
        expect(rest).not.toMatch(unseen);
      }),
    );
  });

  it('revealed() keeps visible text unchanged', () => {
    const plain = fc.array(fc.constantFrom(...'aß語\u0301 \n\t⟨<&"\u00a0', '❤️', '😀', '👍🏽'));
    fc.assert(
      fc.property(plain, (parts) => {
        expect(revealed(parts.join(''))).toBe(parts.join(''));
      }),
    );
  });

  it('revealed() keeps an emoji variation selector only behind an emoji', () => {
    expect(revealed('❤\ufe0f r\ufe0fm ❤\ufe0f\ufe0f')).toBe('❤\ufe0f r⟨U+FE0F⟩m ❤\ufe0f⟨U+FE0F⟩');
  });
});

describe('inputParts', () => {
  it('inputParts() returns a command unchanged, then its other values, and no description', () => {
    const input = { description: 'harmless', command: 'cd /tmp &&\n  rm -rf x', timeout: 5, run_in_background: true };
    expect(inputParts('Bash', input)).toEqual([
      { text: 'cd /tmp &&\n  rm -rf x' },
      { name: 'timeout', text: '5' },
      { name: 'run_in_background', text: 'true' },
    ]);
  });

  it('inputParts() returns each value of other tools with its name', () => {
    const input = { command: 'ls', description: 'why', edits: [{ old: 'a\nb' }] };
    expect(inputParts('Other', input)).toEqual([
      { name: 'command', text: 'ls' },
      { name: 'description', text: 'why' },
      { name: 'edits', text: '[\n  {\n    "old": "a\\nb"\n  }\n]' },
    ]);
  });

  it('inputParts() returns all values if a command is not text', () => {
    expect(inputParts('Bash', { command: ['rm'], description: 'why' })).toEqual([
      { name: 'command', text: '[\n  "rm"\n]' },
      { name: 'description', text: 'why' },
    ]);
  });

  it.each([
    [undefined, [{ text: 'undefined' }]],
    [null, [{ text: 'null' }]],
    ['rm \u202e', [{ text: 'rm ⟨U+202E⟩' }]],
    [
      ['a', 'b'],
      [
        { name: '0', text: 'a' },
        { name: '1', text: 'b' },
      ],
    ],
  ])('inputParts() accepts %j, which is not a plain object', (input, parts) => {
    expect(inputParts('Any', input)).toEqual(parts);
  });

  it.each(['\u00a0', '\u2003', '\u202f', '\u3000', '\u2800'])('inputParts() reveals an unusual space: %j', (space) => {
    // For a shell this is no comment: it removes x.
    const [command] = inputParts('Bash', { command: `true${space}# ; rm x` });
    expect(command?.text).toMatch(/^true⟨U\+[0-9A-F]{4}⟩# ; rm x$/);
  });

  it('inputParts() omits and hides nothing, whatever names and values an agent uses', () => {
    const values = fc.dictionary(HOSTILE, fc.oneof(HOSTILE, fc.jsonValue()), { noNullPrototype: true });
    fc.assert(
      fc.property(values, (input) => {
        const parts = inputParts('Other', input);
        expect(parts.map(({ name }) => name)).toEqual(Object.keys(input).map(revealed));
        for (const { name = '', text } of parts) expect([revealed(name), revealed(text)]).toEqual([name, text]);
      }),
    );
  });
});

describe('inputLine', () => {
  it.each([
    ['Bash', { description: 'harmless', command: 'cd x &&\n\t rm y' }, 'cd x && rm y'],
    ['Read', { limit: 3, file_path: '/a' }, '/a'],
    ['Grep', { pattern: 'x', path: 'src' }, 'src'],
    ['Task', { prompt: 'long', description: 'short' }, 'short'],
    ['Other', { command: 'ls', count: 1 }, '{"command":"ls","count":1}'],
    ['Bash', { command: 7 }, '{"command":7}'],
    ['Other', undefined, 'undefined'],
    ['Bash', { command: 'rm \u202ex' }, 'rm ⟨U+202E⟩x'],
  ])('inputLine() summarizes %s %j', (tool, input, line) => {
    expect(inputLine(tool, input)).toBe(line);
  });

  it('inputLine() returns one short line for any input', () => {
    expect(inputLine('Bash', { command: 'x'.repeat(1_000) })).toBe('x'.repeat(300));
    fc.assert(
      fc.property(HOSTILE, (command) => {
        expect(inputLine('Bash', { command })).not.toMatch(/[\n\r\t\u2028\u202e\u200b]/);
      }),
    );
  });
});
