/** How many questions about one call are remembered. */
const MOST_ASKED = 4;

/** The last few items of a list to which one is added. An agent may ask about one call any number of times. */
export function lastOf<Item>(list: readonly Item[] = [], item: Item): readonly Item[] {
  return list.length === 0 ? [item] : [...list.slice(1 - MOST_ASKED), item];
}
