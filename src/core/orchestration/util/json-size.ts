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
      const entries = Array.isArray(inner) ? inner : Object.values(inner);
      // A list of millions is not even put on the stack.
      if (length + 2 * entries.length > mostLength) return 'large';
      if (!Array.isArray(inner)) for (const key of Object.keys(inner)) length += lengthOf(key, mostLength) + 1;
      for (const entry of entries) open.push([entry, depth + 1]);
      length += entries.length;
    }
    if (length > mostLength) return 'large';
  }
  return undefined;
}

function lengthOf(text: string, most: number): number {
  return text.length > most ? text.length : JSON.stringify(text).length;
}
