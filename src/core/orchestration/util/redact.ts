/** Shorter values occur in any text by chance. */
const LEAST_LENGTH = 8;

/** Returns a function that replaces secret values in a line of text. */
export function redaction(values: readonly string[]): (line: string) => string {
  const secrets = [...new Set(values.flatMap((value) => value.split('\n')))]
    .map((value) => value.trim())
    .filter((value) => value.length >= LEAST_LENGTH)
    .sort((one, other) => other.length - one.length); // One may be a part of another.
  return (line) => secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line);
}
