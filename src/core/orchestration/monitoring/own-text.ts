import { stripVTControlCharacters } from 'node:util';

/** Longer names and ids are cut: they stand in records, which stay small. */
export const NAME_LENGTH = 200;

/** The same text in memory of its own: V8 keeps the whole text alive that a part was cut from. */
export function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

/** A text on one line without what steers a terminal; what is left of a sequence that was cut would reach it, too. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** The same without what steers a terminal, line ends and tabs left as they are. */
export function harmlessText(text: string): string {
  return stripVTControlCharacters(text).replace(/(?![\n\t])\p{Cc}/gu, ' ');
}

/** A text that is at most this long, and keeps nothing longer alive. */
export function clipText(text: string, most: number): string {
  return text.length > most ? ownText(`${text.slice(0, most)}…`) : text;
}
