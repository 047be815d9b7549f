/**
 * Why git would refuse a branch name, or undefined if git would accept it. The rules are those of
 * `git check-ref-format --branch`. In addition, no name may begin with `-`, because a command line could take such a name for
 * an option.
 */
export function branchNameProblem(name: string): string | undefined {
  if (name === '' || name === '@' || name === 'HEAD') return 'is not a branch name';
  if (name.startsWith('-')) return "begins with '-'";
  if (name.length > 200) return 'is longer than 200 characters';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x20\x7f~^:?*[\\]/.test(name)) return 'has a character that git does not allow';
  if (name.includes('..') || name.includes('@{') || name.includes('//')) return "has '..', '@{' or '//' in it";
  if (name.startsWith('/') || name.endsWith('/') || name.endsWith('.'))
    return "begins or ends with '/' or ends with '.'";
  if (name.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'))) {
    return "has a part that begins with '.' or ends with '.lock'";
  }
  return undefined;
}

export const SEARCH_PROBLEM =
  "must not search in messages (':/text', '^{/text}'), because git takes all memory for some patterns; give the commit that 'git rev-parse' finds";

/**
 * True if git would search the messages of commits for the name of a commit. The text is a regular expression, and git takes
 * all memory for some of them.
 */
export function searchesMessages(name: string): boolean {
  return name.startsWith(':/') || name.includes('^{/');
}
