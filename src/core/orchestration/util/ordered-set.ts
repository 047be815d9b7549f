interface Node<T> {
  readonly value: T;
  /** Random. A node has more weight than those below it, so the tree stays flat whatever the order of the calls is. */
  readonly weight: number;
  size: number;
  left: Tree<T>;
  right: Tree<T>;
}

type Tree<T> = Node<T> | undefined;

/** Values in an order of their own, and the place of each of them. All calls are O(log n), except that `values` is O(1) a value. */
export class OrderedSet<T> {
  readonly #compare: (a: T, b: T) => number;
  #root: Tree<T>;
  #random = 0x9e3779b9;

  /** @param compare as for `Array.sort`. Two values for which it gives 0 are the same value */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return sizeOf(this.#root);
  }

  /** Adds a value that the set does not have. */
  add(value: T): void {
    this.#root = this.#insert(this.#root, {
      value,
      weight: this.#nextRandom(),
      size: 1,
      left: undefined,
      right: undefined,
    });
  }

  /** Removes a value that the set has. */
  delete(value: T): void {
    this.#root = this.#remove(this.#root, value);
  }

  /** The first value, or the first that is not before `least`. */
  first(least?: T): T | undefined {
    let found: T | undefined;
    for (let node = this.#root; node; ) {
      const fits = least === undefined || this.#compare(node.value, least) >= 0;
      if (fits) found = node.value;
      node = fits ? node.left : node.right;
    }
    return found;
  }

  /** How many values are before this one. */
  countBefore(value: T): number {
    let count = 0;
    for (let node = this.#root; node; ) {
      const isBefore = this.#compare(node.value, value) < 0;
      if (isBefore) count += sizeOf(node.left) + 1;
      node = isBefore ? node.right : node.left;
    }
    return count;
  }

  *values(): Generator<T, void> {
    const above: Node<T>[] = [];
    for (let node = this.#root; node || above.length > 0; ) {
      for (; node; node = node.left) above.push(node);
      const next = above.pop();
      if (!next) return;
      yield next.value;
      node = next.right;
    }
  }

  #insert(tree: Tree<T>, node: Node<T>): Node<T> {
    if (!tree) return node;
    if (node.weight > tree.weight) {
      [node.left, node.right] = this.#split(tree, node.value);
      return counted(node);
    }
    if (this.#compare(node.value, tree.value) < 0) tree.left = this.#insert(tree.left, node);
    else tree.right = this.#insert(tree.right, node);
    return counted(tree);
  }

  /** What is before a value, and the rest. */
  #split(tree: Tree<T>, value: T): [Tree<T>, Tree<T>] {
    if (!tree) return [undefined, undefined];
    if (this.#compare(tree.value, value) < 0) {
      const [before, rest] = this.#split(tree.right, value);
      tree.right = before;
      return [counted(tree), rest];
    }
    const [before, rest] = this.#split(tree.left, value);
    tree.left = rest;
    return [before, counted(tree)];
  }

  #remove(tree: Tree<T>, value: T): Tree<T> {
    if (!tree) return undefined;
    const order = this.#compare(value, tree.value);
    if (order === 0) return joined(tree.left, tree.right);
    if (order < 0) tree.left = this.#remove(tree.left, value);
    else tree.right = this.#remove(tree.right, value);
    return counted(tree);
  }

  /** The same numbers in each process (xorshift), so that what was measured or tested can be repeated. */
  #nextRandom(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return this.#random;
  }
}

function sizeOf<T>(tree: Tree<T>): number {
  return tree?.size ?? 0;
}

function counted<T>(node: Node<T>): Node<T> {
  node.size = sizeOf(node.left) + sizeOf(node.right) + 1;
  return node;
}

function joined<T>(left: Tree<T>, right: Tree<T>): Tree<T> {
  if (!left || !right) return left ?? right;
  if (left.weight > right.weight) {
    left.right = joined(left.right, right);
    return counted(left);
  }
  right.left = joined(left, right.left);
  return counted(right);
}
