/**
 * Paths as git writes them: those of folders end with a slash. To ask about a path takes no list of the folders on its way,
 * because an agent can nest thousands of folders, and make thousands of files in the innermost one.
 */
export class SortedPaths {
  readonly #sorted: readonly string[];

  constructor(paths: Iterable<string>) {
    this.#sorted = [...paths].sort();
  }

  /** True if it is one of the paths, or a folder on the way to one of them. */
  reaches(path: string): boolean {
    const next = this.#sorted[placeIn(this.#sorted, path)];
    return next === path || (path.endsWith('/') && (next?.startsWith(path) ?? false));
  }
}

/** Folders with all that is in them. */
export class FolderSet {
  /** None of them lies in another one. So if one has a path, then it is the last one that does not come after the path. */
  readonly #outermost: readonly string[];

  /** @param paths those that do not end with a slash do not count */
  constructor(paths: Iterable<string>) {
    const outermost: string[] = [];
    for (const path of [...paths].filter((each) => each.endsWith('/')).sort()) {
      const last = outermost.at(-1);
      if (last === undefined || !path.startsWith(last)) outermost.push(path);
    }
    this.#outermost = outermost;
  }

  /** True if the path lies in one of the folders, and is not itself one of the outermost. */
  has(path: string): boolean {
    const folder = this.#outermost[placeIn(this.#outermost, path) - 1];
    return folder !== undefined && path.startsWith(folder);
  }
}

/** The index of the first text that does not come before the given one. */
function placeIn(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
