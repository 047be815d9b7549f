const MEGABYTE = 1024 * 1024;

/** Makes at least so many bytes. */
type Flood = (bytes: number) => Buffer;

const repeated =
  (line: string | Buffer): Flood =>
  (bytes) => {
    const one = Buffer.from(line);
    return Buffer.concat(Array.from({ length: Math.ceil(bytes / one.length) }, () => one));
  };

const counted =
  (line: (count: number) => string): Flood =>
  (bytes) => {
    const lines: Buffer[] = [];
    for (let length = 0, count = 0; length < bytes; count++) {
      const next = Buffer.from(`${line(count)}\n`);
      lines.push(next);
      length += next.length;
    }
    return Buffer.concat(lines);
  };

const call = (count: number, command: string): string =>
  JSON.stringify({
    type: 'assistant',
    message: { id: `m${count}`, content: [{ type: 'tool_use', id: `t${count}`, name: 'Bash', input: { command } }] },
  });

/** What an agent may write into its log to keep the reader busy. Each flood is slow to read in another way. */
export const FLOODS: Readonly<Record<string, Flood>> = {
  'lines of 100 bytes': repeated(`${'y'.repeat(100)}\n`),
  'lines of 1 byte': repeated('y\n'),
  'empty lines': repeated('\n'),
  'one line without an end': repeated('y'.repeat(MEGABYTE)),
  'lines of 16 MB': repeated(`${'y'.repeat(16 * MEGABYTE - 1)}\n`),
  'lines of {}': repeated('{}\n'),
  'lines of another type': repeated('{"type":"x"}\n'),
  'lines with braces': repeated(`${'{"'.repeat(50)}\n`),
  'lines that fail at their ends': repeated(`${'{"a":'.repeat(8)}"${'y'.repeat(100_000)}\n`),
  'deeply nested lines': repeated(`{"type":"user","a":${'['.repeat(100_000)}\n`),
  'lines of many values': repeated(`{"type":"user","a":[${'1,'.repeat(4 * MEGABYTE)}1]}\n`),
  'long lines of one text': repeated(`{"type":"user","a":"${'y'.repeat(15 * MEGABYTE)}"}\n`),
  'long lines beyond ASCII': repeated(`{"type":"user","a":"${'é'.repeat(7 * MEGABYTE)}"}\n`),
  'invalid UTF-8': repeated(Buffer.concat([Buffer.alloc(100, 0xff), Buffer.from('\n')])),
  'long lines of invalid UTF-8': repeated(
    Buffer.concat([Buffer.from('{"type":"user","a":"'), Buffer.alloc(15 * MEGABYTE, 0xff), Buffer.from('"}\n')]),
  ),
  messages: counted((count) =>
    JSON.stringify({ type: 'assistant', message: { id: `m${count}`, content: [{ type: 'text', text: 'y' }] } }),
  ),
  'tool calls': counted((count) => call(count, 'ls')),
  'tool calls that are hard to rate': counted((count) =>
    call(count, 'f() { echo $(echo $(echo $(ls))); }; f; f; f; '.repeat(60)),
  ),
  'failed results': counted((count) =>
    JSON.stringify({
      type: 'user',
      message: { content: [{ type: 'tool_result', tool_use_id: `t${count}`, is_error: true, content: 'y' }] },
    }),
  ),
};
