import type { Turns } from './turns.js';

/** As many as are sorted in a few milliseconds. */
const AT_ONCE = 2_048;

/** A sorted copy, made in slices. As with `Array.sort`, items that compare as equal keep their order. */
export async function sortedInTurns<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  turns: Turns,
): Promise<T[]> {
  let parts: T[][] = [];
  for (let first = 0; first < items.length; first += AT_ONCE) {
    parts.push(items.slice(first, first + AT_ONCE).sort(compare));
    if (turns.isOver) await turns.next();
  }
  while (parts.length > 1) {
    const merged: T[][] = [];
    for (let index = 0; index < parts.length; index += 2) {
      merged.push(await mergedParts(parts[index] ?? [], parts[index + 1] ?? [], compare, turns));
    }
    parts = merged;
  }
  return parts[0] ?? [];
}

async function mergedParts<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
  turns: Turns,
): Promise<T[]> {
  const merged: T[] = [];
  let [nextA, nextB] = [0, 0];
  while (nextA < a.length && nextB < b.length) {
    const isB = compare(b[nextB] as T, a[nextA] as T) < 0;
    merged.push((isB ? b[nextB++] : a[nextA++]) as T);
    if (merged.length % 256 === 0 && turns.isOver) await turns.next();
  }
  while (nextA < a.length) merged.push(a[nextA++] as T);
  while (nextB < b.length) merged.push(b[nextB++] as T);
  return merged;
}
