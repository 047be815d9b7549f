// The input box of Claude Code's terminal UI, as measured on 2.1.98.

/**
 * The content of the input box of Claude Code's UI. The input box is between the last two lines that go across the screen.
 * Undefined if there is no input box (a dialog, a menu, the onboarding), or if the input box takes a shell command.
 */
export function inputBox(screen: string): string | undefined {
  const lines = screen.split('\n');
  const bottom = lines.findLastIndex(isRule);
  const top = lines.slice(0, Math.max(bottom, 0)).findLastIndex(isRule);
  const content = top < 0 ? [] : lines.slice(top + 1, bottom);
  return content[0]?.startsWith('❯') ? content.join('\n').slice(1) : undefined;
}

const isRule = (line: string): boolean => line.startsWith('─'.repeat(10));

/** The mark by which a text is recognized in the input box: its end, without spaces, because the box breaks lines at spaces. */
export const markOf = (text: string): string => bare(text).slice(-20);

/** How often the mark is in the input. The box shows a longer paste as `[Pasted text #1 +12 lines]`, so these count, too. */
export const countIn = (input: string, mark: string): number =>
  bare(input).split(mark).length - 1 + (input.match(/\[Pasted text #/g)?.length ?? 0);

/** The text without white space, and without characters that have no width, because the box leaves these out. */
const bare = (text: string): string => text.replace(/[\s\p{Cf}]/gu, '');

/** If an input consists of one of these words alone, it ends Claude Code's UI. */
const EXIT_WORDS = new Set(['exit', 'quit', ':q', ':q!', ':wq', ':wq!']);

/** An ordinary space is not enough: if a message waits for the agent, the message is trimmed, and the rest would be a command. */
const ZERO_WIDTH_SPACE = '\u200b';

/**
 * Changes a prompt or a message so that Claude Code's UI takes it as text, whether it is typed or passed as an argument. Without
 * the change, a `/` at the beginning would be a command, a typed `!` would run the rest in a shell past every hook, a word like
 * `exit` would end the UI, and a backslash before Enter would break the line. The added characters are invisible, and reach the
 * model.
 */
export function literalInput(text: string): string {
  const isCommand = /^\s*[/!#&]/.test(text) || EXIT_WORDS.has(text.trim());
  const begun = isCommand ? `${ZERO_WIDTH_SPACE}${text}` : text;
  return begun.endsWith('\\') ? `${begun} ` : begun;
}
