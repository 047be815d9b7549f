/** Adds an item to a list that keeps only its latest items. */
export function pushLatest<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}
