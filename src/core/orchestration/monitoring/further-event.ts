/** The beginning of an event within a line. In a string of Claude's line the quotes would be escaped. */
const FURTHER_EVENT = /(?!^)\{"type":"(?:assistant|user|system|result)"/;
/** The beginning of an event may be torn, and the character in front of it says that it does not begin the line. */
const KEPT = 'x{"type":"assistant"'.length;

/**
 * Tells whether a further event begins within a line. An agent may write the beginning of a result in front of Claude's line, to
 * hide that line. The line comes in parts, and only the end of the last part is kept.
 */
export class FurtherEvent {
  #end = '';
  #found = false;

  get found(): boolean {
    return this.#found;
  }

  add(part: string): void {
    if (this.#found) return;
    const text = this.#end + part;
    this.#found = hasFurtherEvent(text);
    this.#end = text.slice(-KEPT);
  }
}

export function hasFurtherEvent(line: string): boolean {
  return FURTHER_EVENT.test(line);
}
