/** Interpolation replaces this by nothing, see {@link literalPrompt}. */
const NOTHING = '{nothing}';

/** The data that {@link literalPrompt} needs. */
export const LITERAL_DATA = { nothing: '' } as const;

/**
 * Wraps text so that ChannelCoder passes it on unchanged. Without this, ChannelCoder would take a text that begins with `/`,
 * `./` or `../`, or ends like a path, for the name of a prompt file. It would also interpolate `{name}` or `${name}` in the
 * text.
 *
 * Every `{` is escaped. A variable that is replaced by nothing stands at both ends, because file detection looks there. It
 * stands at the end only after a letter, the one case in which the end matters.
 * U+0000 and U+0001 cannot be expressed (ChannelCoder uses them as placeholders). So a launch that writes the prompt itself
 * writes the original text.
 */
export function literalPrompt(text: string): string {
  // A path ends with a letter. After `\\` or `$`, the variable would be taken for an escape or for `${…}`.
  const end = /[a-z]$/i.test(text) ? NOTHING : '';
  return `${NOTHING}${text.replaceAll('{', '\\{')}${end}`;
}
