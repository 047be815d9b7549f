/** One range of ids: `length` ids from `inside` on in the container are those from `outside` on on the machine. */
interface Range {
  readonly inside: number;
  readonly outside: number;
  readonly length: number;
}

/**
 * How the ids of users or groups in a container relate to those on the machine. Engines that are rootless, or that use user
 * namespaces, give them other numbers.
 */
export class IdMap {
  readonly #ranges: readonly Range[];

  /** @param text the lines of `/proc/self/uid_map` or `gid_map` in a container; without lines, the ids are the same */
  constructor(text: string) {
    const ranges = [...text.matchAll(/(\d+)\s+(\d+)\s+(\d+)/g)].map(([, inside, outside, length]) => ({
      inside: Number(inside),
      outside: Number(outside),
      length: Number(length),
    }));
    this.#ranges = ranges.length > 0 ? ranges : [{ inside: 0, outside: 0, length: 2 ** 32 }];
  }

  /** The id in the container of an id on the machine. Undefined if no id in the container stands for it. */
  toContainer(id: number): number | undefined {
    const range = this.#ranges.find(({ outside, length }) => id >= outside && id < outside + length);
    return range && id - range.outside + range.inside;
  }

  /** The id on the machine of an id in the container. Undefined if the container cannot have that id. */
  toMachine(id: number): number | undefined {
    const range = this.#ranges.find(({ inside, length }) => id >= inside && id < inside + length);
    return range && id - range.inside + range.outside;
  }
}
