/** Longer names and ids are cut, because they are part of records, which have to stay small. */
export const NAME_LENGTH = 200;

/**
 * A place where an escape sequence may begin, with all characters that may belong to the sequence. Anything longer is not an
 * escape sequence.
 */
const STRETCH = new RegExp(
  [String.raw`[\u001B\u009B](?!\u001B(?!\\)|\u009B)`, String.raw`[^\u001B\u009B]{0,4096}(?:\u001B\\)?`].join(''),
  'g',
);

/**
 * Matches the sequence at the beginning of such a stretch, if there is one. It finds the same sequences as
 * `stripVTControlCharacters` of Node.js, whose time grows with the square of the length. Here, the characters behind the
 * introducer are read once and for all, so that the expression does not retry with each possible end of them.
 */
const SEQUENCE = sequence();

/** Records hold thousands of such texts. A new buffer for each would have to be collected. Nothing is kept in it between two calls. */
const SCRATCH = Buffer.allocUnsafeSlow(16 * 1024);

const ELLIPSIS = Buffer.from('…', 'utf16le');

/** The same text in memory of its own. V8 keeps a whole text alive as long as a part that was cut from it. */
export function detachString(text: string): string {
  if (2 * text.length > SCRATCH.length) return Buffer.from(text, 'utf16le').toString('utf16le');
  return SCRATCH.toString('utf16le', 0, SCRATCH.write(text, 'utf16le'));
}

/**
 * A text on one line without control characters and escape sequences. The rest of a cut escape sequence would reach the
 * terminal, too, so the control characters in it are replaced as well.
 */
export function singleLine(text: string): string {
  return withoutSequences(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** The same text without control characters and escape sequences. Line ends and tabs stay. */
export function stripControl(text: string): string {
  return withoutSequences(text).replace(/(?![\n\t])\p{Cc}/gu, ' ');
}

/** A text of at most this length that keeps no longer text alive. */
export function truncate(text: string, most: number): string {
  if (text.length <= most) return text;
  if (2 * most + ELLIPSIS.length > SCRATCH.length) return detachString(`${text.slice(0, most)}…`);
  // The parts are joined in the buffer, because a joined string would have to be copied once more.
  const end = SCRATCH.write(text.slice(0, most), 'utf16le');
  return SCRATCH.toString('utf16le', 0, end + ELLIPSIS.copy(SCRATCH, end));
}

function withoutSequences(text: string): string {
  return text.replace(STRETCH, (stretch) => stretch.replace(SEQUENCE, ''));
}

function sequence(): RegExp {
  const behind = String.raw`(?=([[\]()#;?]*))\1`; // An atomic group.
  const end = String.raw`(?:\u0007|\u001B\\|\u009C)`;
  const text = String.raw`[-a-zA-Z\d/#&.:=?%@~_]`;
  const command = `(?:[a-zA-Z\\d]+(?:;${text}*)*)?${end}`;
  const numbers = String.raw`(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-ntqry=><~]`;
  // Its first part begins within the characters behind the introducer.
  const parts = `(?<=;[#?]*)${text}+(?:;${text}+)*${end}`;
  return new RegExp(String.raw`^[\u001B\u009B]${behind}(?:${command}|${numbers}|${parts})`);
}
