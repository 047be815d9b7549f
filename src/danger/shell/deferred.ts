/** Ends the here-document that is made below. No honest text contains such a line. */
const END = 'END_OF_DEFERRED_TEXT';

/**
 * Code that runs the substitutions in a text. Shells expand some texts late: subscripts in arithmetic and builtins, `${x@P}`, and
 * prompts. `undefined` if there is nothing to substitute.
 */
export function deferred(text: string): string | undefined {
  if (!/\$\(|`|\$\{/.test(text)) return undefined;
  // Backslashes are removed before a prompt is expanded.
  return `: <<${END}\n${text.replace(/\\+(?=[$`])/g, '')}\n${END}\n`;
}

/** Names of variables in an arithmetic expression. */
export function namesIn(expression: string): readonly string[] {
  return expression.match(/[A-Za-z_]\w*/g) ?? [];
}
