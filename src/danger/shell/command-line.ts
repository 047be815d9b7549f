/** Options that take a text for people, a query or a name, in every program that has them. */
const TEXT_OPTION =
  /^--?(title|body|message|msg|notes|description|comment|subject|summary|query|filter|format|jq|template|search|grep|labels?|tag|name|display-name)$/;
const ATTACHED = /^(--?[\w-]+)=/;

/** The arguments as one line without texts, to search it for the words that tell a program what to do. */
export function commandLine(args: readonly string[]): string {
  return withoutTexts(args).join(' ');
}

/** The arguments without texts and without the options that take texts. A word with a blank in it is a text, too. */
export function withoutTexts(args: readonly string[]): readonly string[] {
  return args.filter(
    (arg, index) => !TEXT_OPTION.test(args[index - 1] ?? '') && !/\s/.test(arg) && !TEXT_OPTION.test(nameOf(arg)),
  );
}

/** `--title=text` without the text. */
function nameOf(arg: string): string {
  return ATTACHED.exec(arg)?.[1] ?? arg;
}
