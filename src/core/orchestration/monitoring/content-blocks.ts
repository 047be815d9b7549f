export type Json = Record<string, unknown>;

/** A line has a handful of content blocks; one with more was made to keep the host busy, and the rest is skipped. */
const MOST_BLOCKS = 500;

/** The blocks that the content of a message is made of. */
export function blocksOf(content: unknown): Json[] {
  return Array.isArray(content) ? content.slice(0, MOST_BLOCKS).filter(isObject) : [];
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
