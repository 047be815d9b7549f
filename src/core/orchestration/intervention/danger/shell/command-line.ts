/** Options that take a text for people, a query or a name, in every program that has them. */
const TEXT_OPTION =
  /^--?(title|body|message|msg|notes|description|comment|subject|summary|query|filter|format|jq|template|search|grep|labels?|tag|name|display-name)$/;
const ATTACHED = /^(--?[\w-]+)=/;

/**
 * The arguments as one line, to look for a program's commands in. Texts are left out: a command is one word, and never the
 * value of an option that takes a text.
 */
export function commandLine(args: readonly string[]): string {
  const words = args.filter((arg, index) => !TEXT_OPTION.test(args[index - 1] ?? '') && !/\s/.test(arg));
  return words.filter((word) => !TEXT_OPTION.test(ATTACHED.exec(word)?.[1] ?? '')).join(' ');
}
