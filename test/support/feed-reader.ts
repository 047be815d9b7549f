/** One server-sent event. */
export interface Frame {
  event: string;
  id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the tests check the type
  data: any;
}

/** Reads server-sent events from a response. */
export class FeedReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(response: Response) {
    if (!response.body) throw new Error(`The response (${response.status}) has no body.`);
    this.#reader = response.body.getReader();
  }

  /** The next frame. Undefined if the stream has ended. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const frame = frameOf(block);
        if (frame) return frame;
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** All frames up to and including the first frame that fits. */
  async until(fits: (frame: Frame) => boolean): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      if (!frame) throw new Error(`The stream ended after ${frames.length} frames, none of which fits.`);
      frames.push(frame);
      if (fits(frame)) return frames;
    }
  }

  /** Closes the connection. */
  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** Undefined for a block without data, such as the first block, which only says when to try again. */
function frameOf(block: string): Frame | undefined {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  if (fields.data === undefined) return undefined;
  return { event: fields.event ?? 'message', data: JSON.parse(fields.data), ...(fields.id && { id: fields.id }) };
}
