/** A text that no line of an honest here-document is. */
const END = 'END_OF_DEFERRED_TEXT';

/**
 * Code that substitutes what a text holds, as shells do it late: in subscripts that arithmetic and builtins meet, for `${x@P}`, and
 * in prompts. `undefined` where there is nothing to substitute.
 */
export function deferred(text: string): string | undefined {
  if (!/\$\(|`|\$\{/.test(text)) return undefined;
  // A backslash is gone before a prompt is substituted.
  return `: <<${END}\n${text.replace(/\\+(?=[$`])/g, '')}\n${END}\n`;
}

/** Names of variables in an arithmetic expression. */
export function namesIn(expression: string): readonly string[] {
  return expression.match(/[A-Za-z_]\w*/g) ?? [];
}
