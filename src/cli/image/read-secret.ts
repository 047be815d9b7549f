import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliFailure, type Machine } from '../machine.js';

/** A login is a few hundred bytes. */
const MOST_BYTES = 64 * 1024;

/** Reads all of standard input. @throws CliFailure if it is too long */
export async function readInput({ stdin }: Pick<Machine, 'stdin'>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Buffer | string);
    length += bytes.length;
    if (length > MOST_BYTES)
      throw new CliFailure(`Standard input is longer than ${MOST_BYTES} bytes, and so no login.`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Asks a person at a terminal for a secret, and shows nothing of what is typed. Lines that arrive at once belong together, because
 * terminals break a long token that is copied from them.
 *
 * @throws CliFailure if the person ends the input
 */
export function askSecret({ stdin, say }: Pick<Machine, 'stdin' | 'say'>, question: string): Promise<string> {
  say(question);
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: nothing, terminal: true });
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    reader.on('line', (line) => {
      lines.push(line);
      if (line.trim() === '' && lines.length === 1) lines.pop();
      else if (lines.length === 1) setImmediate(() => reader.close());
    });
    reader.on('SIGINT', () => reader.close());
    reader.on('close', () => {
      if (lines.length > 0) resolve(lines.join('\n'));
      else reject(new CliFailure('Nothing was entered, and nothing was stored.'));
    });
  });
}
