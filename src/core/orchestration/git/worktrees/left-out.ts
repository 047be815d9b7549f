import { quote } from '../../util/errors.js';

/** How many are named. */
const NAMED = 5;

/**
 * What a copy leaves out, and why. An agent can make any number of such files, with paths of any length, so only the first few are
 * kept, and the others are counted.
 */
export class LeftOut {
  readonly #named: string[] = [];
  #count = 0;

  /** @param why in words, without a full stop */
  add(path: string, why: string): void {
    this.#count += 1;
    if (this.#named.length < NAMED) this.#named.push(`${path} (${why})`);
  }

  /** The first one. Undefined if nothing was left out. */
  get first(): string | undefined {
    return this.#named[0];
  }

  /** A sentence, with paths relative to a folder. Empty if nothing was left out. */
  inWords(root: string): string {
    if (this.#count === 0) return '';
    const named = this.#named.map((each) => quote(each.replace(`${root}/`, '')).slice(1, -1));
    const more = this.#count > NAMED ? `, and ${this.#count - NAMED} more` : '';
    return `Not copied into the worktree: ${named.join(', ')}${more}.`;
  }
}
