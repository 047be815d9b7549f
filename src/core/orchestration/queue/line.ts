/** Where an item comes into line. */
export interface Place {
  /** 0 goes first. Default 1. */
  readonly level?: number;
  /** True if the item may not get a slot until `unblock`. Default `false`. */
  readonly blocked?: boolean;
}

/** The items that wait for a slot, in the order in which they get one. */
export interface Line {
  /** The number of all items, also of those that may not get a slot yet. */
  readonly size: number;
  /** Adds an item, at the end of those of its kind. */
  add(id: string, place?: Place): void;
  /** Takes the next item out of line. Undefined if there is none that may get a slot. */
  take(): string | undefined;
  /** Returns true if the item was in line. */
  delete(id: string): boolean;
  has(id: string): boolean;
  /** 1 is next. Undefined if the item is not in line, or may not get a slot yet. */
  positionOf(id: string): number | undefined;
  /** The items that may get a slot, next first; at most so many. */
  ids(most: number): string[];
}
