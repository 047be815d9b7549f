// The input box of Claude Code's terminal UI, as measured on 2.1.98.

/**
 * What stands in the input box of Claude Code's UI, between the last two lines across the screen; undefined if there
 * is no input box (a dialog, a menu, the onboarding), or if it takes a shell command.
 */
export function inputBox(screen: string): string | undefined {
  const lines = screen.split('\n');
  const bottom = lines.findLastIndex(isRule);
  const top = lines.slice(0, Math.max(bottom, 0)).findLastIndex(isRule);
  const content = top < 0 ? [] : lines.slice(top + 1, bottom);
  return content[0]?.startsWith('❯') ? content.join('\n').slice(1) : undefined;
}

const isRule = (line: string): boolean => line.startsWith('─'.repeat(10));

/** How a text is known again in the input box: by its end, without the spaces at which the box breaks lines. */
export const markOf = (text: string): string => bare(text).slice(-20);

/** How often it stands there. A longer paste shows as `[Pasted text #1 +12 lines]`. */
export const countIn = (input: string, mark: string): number =>
  bare(input).split(mark).length - 1 + (input.match(/\[Pasted text #/g)?.length ?? 0);

/** The box leaves out what has no width. */
const bare = (text: string): string => text.replace(/[\s\p{Cf}]/gu, '');

/** Each alone ends Claude Code's UI. */
const EXIT_WORDS = new Set(['exit', 'quit', ':q', ':q!', ':wq', ':wq!']);

/** No space: where a message waits for the agent it is trimmed, and what is left would be a command. */
const ZERO_WIDTH_SPACE = '\u200b';

/**
 * A prompt or message, such that Claude Code's UI takes it for one, typed or given as its argument. A `/` at its beginning
 * would be a command, a typed `!` would run the rest in a shell past every hook, a word like `exit` would end the UI, and
 * a backslash before Enter would break the line. What is put around such a text is invisible, and reaches the model.
 */
export function literalInput(text: string): string {
  const isCommand = /^\s*[/!#&]/.test(text) || EXIT_WORDS.has(text.trim());
  const begun = isCommand ? `${ZERO_WIDTH_SPACE}${text}` : text;
  return begun.endsWith('\\') ? `${begun} ` : begun;
}
