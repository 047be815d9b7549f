/**
 * More values than a model can write in one message. Parsing, sorting and hashing this many values takes a tenth of a second.
 */
const MOST_VALUES = 50_000;

const [QUOTE, COMMA, BACKSLASH, BRACKET, BRACE] = [0x22, 0x2c, 0x5c, 0x5b, 0x7b];

/** True if a value contains more values, at any depth, than any honest input of a tool. */
export function hasTooManyValues(value: unknown): boolean {
  const left = [value];
  let count = 0;
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const inner of Object.values(next)) {
      count += 1;
      if (count > MOST_VALUES) return true;
      left.push(inner);
    }
  }
  return false;
}

/** The same check for a text that is not parsed yet. Parsing millions of values takes seconds and a gigabyte of memory. */
export function isJsonOfTooManyValues(json: Uint8Array): boolean {
  const count = new JsonValueCount();
  count.add(json);
  return count.tooMany;
}

/** Counts the values in a JSON text that arrives in parts. */
export class JsonValueCount {
  #count = 0;
  #isText = false;
  #isEscaped = false;

  /** True if there are already more values than a model can write. */
  get tooMany(): boolean {
    return this.#count > MOST_VALUES;
  }

  add(json: Uint8Array): void {
    let [count, isText, isEscaped] = [this.#count, this.#isText, this.#isEscaped];
    for (let at = 0; at < json.length && count <= MOST_VALUES; at++) {
      const byte = json[at];
      if (isEscaped) isEscaped = false;
      else if (isText) {
        if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isText = false;
      } else if (byte === QUOTE) isText = true;
      else if (byte === COMMA || byte === BRACKET || byte === BRACE) count += 1;
    }
    [this.#count, this.#isText, this.#isEscaped] = [count, isText, isEscaped];
  }
}
