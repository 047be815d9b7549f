/** A word as POSIX `sh` reads it, whatever characters it has. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
