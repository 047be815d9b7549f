/** Longer names and ids are cut: they stand in records, which stay small. */
export const NAME_LENGTH = 200;

/** Where an escape sequence may begin, and all that may belong to it; what is longer is none. */
const STRETCH = new RegExp(
  [String.raw`[\u001B\u009B](?!\u001B(?!\\)|\u009B)`, String.raw`[^\u001B\u009B]{0,4096}(?:\u001B\\)?`].join(''),
  'g',
);

/**
 * The sequence at the beginning of such a stretch, if there is one. It finds what `stripVTControlCharacters` of Node.js
 * finds, whose time grows with the square of the length: here what stands behind the introducer is read once and for
 * all, so that it is not tried again with each of its ends.
 */
const SEQUENCE = sequence();

/** The same text in memory of its own: V8 keeps the whole text alive that a part was cut from. */
export function detachString(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

/** A text on one line without what steers a terminal; what is left of a sequence that was cut would reach it, too. */
export function singleLine(text: string): string {
  return withoutSequences(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** The same without what steers a terminal, line ends and tabs left as they are. */
export function stripControl(text: string): string {
  return withoutSequences(text).replace(/(?![\n\t])\p{Cc}/gu, ' ');
}

/** A text that is at most this long, and keeps nothing longer alive. */
export function truncate(text: string, most: number): string {
  return text.length > most ? detachString(`${text.slice(0, most)}…`) : text;
}

function withoutSequences(text: string): string {
  return text.replace(STRETCH, (stretch) => stretch.replace(SEQUENCE, ''));
}

function sequence(): RegExp {
  const behind = String.raw`(?=([[\]()#;?]*))\1`; // Atomic.
  const end = String.raw`(?:\u0007|\u001B\\|\u009C)`;
  const text = String.raw`[-a-zA-Z\d/#&.:=?%@~_]`;
  const command = `(?:[a-zA-Z\\d]+(?:;${text}*)*)?${end}`;
  const numbers = String.raw`(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-ntqry=><~]`;
  // Its first part begins within what stands behind the introducer.
  const parts = `(?<=;[#?]*)${text}+(?:;${text}+)*${end}`;
  return new RegExp(String.raw`^[\u001B\u009B]${behind}(?:${command}|${numbers}|${parts})`);
}
