import type { Stream } from './value.js';

/** Longer commands are not looked at; Linux passes at most 128 KiB in one argument. */
const MAX_LENGTH = 1_500_000;
/** Prose of that length has fewer words and operators. They make a parse slow. */
const MAX_TOKENS = 250_000;

/** Whether a parse would take longer than any honest command is worth. */
export function isTooLarge(source: string): boolean {
  return source.length > MAX_LENGTH || tokens(source) > MAX_TOKENS;
}

/** Blanks and operators. */
function tokens(source: string): number {
  if (source.length <= MAX_TOKENS) return 0;
  let count = 0;
  for (let at = 0; at < source.length; at++) {
    const code = source.charCodeAt(at);
    // Everything but letters, digits, other characters of words, and characters beyond ASCII.
    if (code <= 42 || (code >= 59 && code <= 63) || code === 91 || code === 96 || (code >= 123 && code <= 125))
      count += 1;
  }
  return count;
}

/** `python3.12` is `python3`, `codex@latest` is `codex`, and every dynamic loader is `ld.so`. */
export function canonicalName(name: string): string {
  if (/^ld(?:64|-linux[\w-]*|-musl[\w-]*)?\.so(?:\.\d+)*$/.test(name)) return 'ld.so';
  if (/^qemu-[\w]+(?:-static)?$/.test(name) && !/^qemu-(?:img|nbd|io|system)/.test(name)) return 'qemu';
  return name
    .replace(/(?<=.)@[\w.^~-]+$/, '')
    .replace(/^(python|pypy)(\d)\.[\d.]+$/, '$1$2')
    .replace(/^(perl|ruby|php|lua|node)[\d.]+$/, '$1');
}

/** The interpreter of a script, by its first line. */
export function interpreterOf({ text }: Stream): string {
  return /^#!.*\b(python|node|perl|ruby|php)/.exec(text ?? '')?.[1] ?? 'sh';
}
