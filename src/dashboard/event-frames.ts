/**
 * Parses server-sent events from a text that arrives in parts
 * ([the format](https://html.spec.whatwg.org/multipage/server-sent-events.html); our server ends lines with `\n` only).
 */
export class EventFrames {
  readonly #told: (name: string, data: string, id: string) => void;
  /** The parts of the line that is not complete yet. They are joined once: joining each new part is slow for long lines. */
  #parts: string[] = [];
  #name = '';
  #data: string[] = [];
  #id = '';

  /** @param told called with each event; `id` is empty if the event has no id */
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
