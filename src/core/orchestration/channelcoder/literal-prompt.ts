/** Vanishes on interpolation, see {@link literalPrompt}. */
const NOTHING = '{nothing}';

/** The data that {@link literalPrompt} needs. */
export const LITERAL_DATA = { nothing: '' } as const;

/**
 * Wraps text so that ChannelCoder hands it on as it is. Unwrapped, a text that begins with `/`, `./` or `../`, or ends
 * like a path, would be taken for the name of a prompt file, and `{name}` or `${name}` in it would be interpolated.
 *
 * Every `{` is escaped, and a variable that is replaced by nothing stands at both ends, where file detection looks;
 * at the end only after a letter, the one place where it matters.
 * U+0000 and U+0001 cannot be expressed (ChannelCoder uses them as placeholders), so a launch that writes the prompt
 * itself writes the original text.
 */
export function literalPrompt(text: string): string {
  // A path ends with a letter; after `\\` or `$` the variable would be taken for an escape or for `${…}`.
  const end = /[a-z]$/i.test(text) ? NOTHING : '';
  return `${NOTHING}${text.replaceAll('{', '\\{')}${end}`;
}
