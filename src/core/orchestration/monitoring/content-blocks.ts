export type Json = Record<string, unknown>;

/** Claude writes a handful of content blocks in a line. More were made to keep this process busy, so the rest is skipped. */
const MOST_BLOCKS = 500;

/** The blocks of a message's content. */
export function blocksOf(content: unknown): Json[] {
  return Array.isArray(content) ? content.slice(0, MOST_BLOCKS).filter(isObject) : [];
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
