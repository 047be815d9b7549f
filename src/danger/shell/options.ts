/** The options and operands of a command line, read as `getopt` reads them. */
export class Options {
  readonly operands: string[] = [];
  /** Where the first operand stands; the number of arguments if there is none. */
  readonly start: number;
  readonly #short = new Map<string, string>();
  readonly #long = new Map<string, string>();

  /**
   * @param values options that take a value, without dashes
   * @param stop whether options end at the first operand, as they do for programs that run other programs
   */
  constructor(args: readonly string[], values: readonly string[] = [], stop = false) {
    let start = args.length;
    for (let at = 0; at < args.length; at++) {
      const arg = args[at] ?? '';
      if (arg === '--') {
        start = Math.min(start, at + 1);
        this.operands.push(...args.slice(at + 1));
        break;
      }
      if (arg.length < 2 || arg[0] !== '-') {
        start = Math.min(start, at);
        if (stop) {
          this.operands.push(...args.slice(at));
          break;
        }
        this.operands.push(arg);
      } else if (arg.startsWith('--')) at += this.#readLong(arg.slice(2), args[at + 1], values);
      else at += this.#readShort(arg.slice(1), args[at + 1], values);
    }
    this.start = start;
  }

  /** Long names also match their abbreviations, as GNU programs and git accept them. */
  has(...names: readonly string[]): boolean {
    return names.some((name) => {
      if (this.#short.has(name) || this.#long.has(name)) return true;
      if (name.length < 4) return false;
      for (const given of this.#long.keys()) if (given.length >= 3 && name.startsWith(given)) return true;
      return false;
    });
  }

  value(...names: readonly string[]): string | undefined {
    for (const name of names) {
      const value = this.#short.get(name) ?? this.#long.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #readLong(option: string, next: string | undefined, values: readonly string[]): number {
    const equals = option.indexOf('=');
    const given = equals < 0 ? option : option.slice(0, equals);
    const name = unabbreviated(given, values);
    const takesNext = equals < 0 && values.includes(name) && next !== undefined;
    this.#long.set(name, equals >= 0 ? option.slice(equals + 1) : takesNext ? next : '');
    return takesNext ? 1 : 0;
  }

  #readShort(cluster: string, next: string | undefined, values: readonly string[]): number {
    // Some programs (find, terraform, openssl) write long options with one dash.
    if (cluster.length > 1) {
      const equals = cluster.indexOf('=');
      const name = equals < 0 ? cluster : cluster.slice(0, equals);
      const takesNext = equals < 0 && values.includes(name) && next !== undefined;
      this.#short.set(name, equals >= 0 ? cluster.slice(equals + 1) : takesNext ? next : '');
      if (takesNext) return 1;
    }
    for (let at = 0; at < cluster.length && at < 40; at++) {
      const letter = cluster[at] ?? '';
      if (!values.includes(letter)) {
        if (!this.#short.has(letter)) this.#short.set(letter, '');
        continue;
      }
      const rest = cluster.slice(at + 1);
      this.#short.set(letter, rest === '' ? (next ?? '') : rest);
      return rest === '' && next !== undefined ? 1 : 0;
    }
    return 0;
  }
}

/** `--sig` is `--signal`, if `--signal` is one of the options that take a value. */
function unabbreviated(name: string, values: readonly string[]): string {
  if (name.length < 3 || values.includes(name)) return name;
  return values.find((value) => value.startsWith(name)) ?? name;
}
