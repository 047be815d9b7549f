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

/** True if data is nested more than 100 levels deep, or holds itself. */
export function isTooDeep(value: unknown, left = MOST_JSON_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((inner) => isTooDeep(inner, left - 1));
}

function lengthOf(text: string, most: number): number {
  return text.length > most ? text.length : JSON.stringify(text).length;
}
