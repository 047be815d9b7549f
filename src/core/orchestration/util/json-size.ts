/** Deeper than any honest data, and not so deep that a recursive function runs out of stack. */
export const MOST_JSON_DEPTH = 100;

/**
 * Says why data is too much to be handled: it is nested more than 100 levels deep, holds itself, or would be longer as JSON than
 * `mostLength` characters (estimated to within a few percent, never too low). Undefined if it is small enough. It reads no more
 * than it has to, and uses no recursion, because an agent may have made the data.
 */
export function jsonProblem(value: unknown, mostLength: number): 'deep' | 'large' | undefined {
  const open: [value: unknown, depth: number][] = [[value, 0]];
  let length = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const [inner, depth] = next;
    if (depth > MOST_JSON_DEPTH) return 'deep';
    if (typeof inner === 'string') length += lengthOf(inner, mostLength);
    else if (typeof inner !== 'object' || inner === null) length += String(inner).length + 1;
    else {
      length += 2;
      const names = Array.isArray(inner) ? [] : Object.keys(inner);
      // What has millions of parts is not even put on the stack.
      if (length + 2 * (Array.isArray(inner) ? inner.length : 2 * names.length) > mostLength) return 'large';
      for (const name of names) {
        length += lengthOf(name, mostLength) + 1;
        if (length > mostLength) return 'large';
      }
      const entries: readonly unknown[] = Array.isArray(inner) ? inner : Object.values(inner);
      for (const entry of entries) open.push([entry, depth + 1]);
      length += entries.length;
    }
    if (length > mostLength) return 'large';
  }
  return undefined;
}

/** Far less than what a recursive function can go down, and more than any program writes. */
const MOST_LEVELS = 1_000;

/** The same data, without what is nested more than 1,000 levels deep. Whoever writes that as JSON runs out of stack. */
export function withoutDepths(value: unknown): unknown {
  return isDeeper(value, MOST_LEVELS) ? cut(value, MOST_LEVELS) : value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function cut(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  if (Array.isArray(value)) return value.map((inner) => cut(inner, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cut(inner, levels - 1)]));
}

function lengthOf(text: string, most: number): number {
  return text.length > most ? text.length : JSON.stringify(text).length;
}
