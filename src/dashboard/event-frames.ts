/**
 * Takes server-sent events out of a text that comes in parts
 * ([the format](https://html.spec.whatwg.org/multipage/server-sent-events.html); our server ends lines with `\n` only).
 */
export class EventFrames {
  readonly #told: (name: string, data: string, id: string) => void;
  /** The line that is not whole yet, in the parts that came: joining them each time would be slow for a long one. */
  #parts: string[] = [];
  #name = '';
  #data: string[] = [];
  #id = '';

  /** @param told is told of each event; the id is empty where it has none */
  constructor(told: (name: string, data: string, id: string) => void) {
    this.#told = told;
  }

  add(text: string): void {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const whole = [...this.#parts, line].join('');
      this.#parts = [];
      if (whole === '') this.#end();
      else this.#line(whole);
    }
    if (rest !== '') this.#parts.push(rest);
  }

  #line(line: string): void {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line) ?? [];
    if (field === 'event') this.#name = value;
    if (field === 'data') this.#data.push(value);
    if (field === 'id') this.#id = value;
  }

  #end(): void {
    const [name, data, id] = [this.#name, this.#data, this.#id];
    this.#name = '';
    this.#data = [];
    this.#id = '';
    if (data.length > 0) this.#told(name, data.join('\n'), id);
  }
}
