/** More values than a model can write in one message: to parse, sort and hash these many takes a tenth of a second. */
const MOST_VALUES = 50_000;

const [QUOTE, COMMA, BACKSLASH, BRACKET, BRACE] = [0x22, 0x2c, 0x5c, 0x5b, 0x7b];

/** Whether a value holds more others, at whatever depth, than any honest input of a tool. */
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

/** The same of a text that is not parsed yet: to parse millions of values takes seconds, and a gigabyte. */
export function isJsonOfTooManyValues(json: Uint8Array): boolean {
  let count = 0;
  let isText = false;
  for (let at = 0; at < json.length && count <= MOST_VALUES; at++) {
    const byte = json[at];
    if (isText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) count += 1;
  }
  return count > MOST_VALUES;
}
