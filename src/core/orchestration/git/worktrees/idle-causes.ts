/**
 * Why patterns of files to copy fit nothing, in sentences.
 *
 * @param patterns those that fit nothing
 */
export function idleCauses(patterns: readonly string[]): string {
  const some = (test: RegExp): boolean => patterns.some((pattern) => test.test(pattern));
  return [
    ...(some(/^\.\//) ? ["'./' at the beginning never fits: leave it out."] : []),
    ...(some(/\/$/) ? ["A pattern with '/' at the end fits only folders."] : []),
    ...(some(/^[^/]+$/)
      ? ['A name without a slash does not reach into a folder that git ignores as a whole: write its path.']
      : []),
    "Committed files are in each worktree anyway. The 'core.excludesFile' of the repository does not count.",
  ].join(' ');
}
