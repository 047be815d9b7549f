import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGitConfig } from '../../../../../src/core/orchestration/git/repository/config-file.js';
import { git } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** What git itself reads in a file: `name\nvalue`, or undefined if git refuses the file. */
function asGitSays(folder: string, text: string): string[] | undefined {
  writeFileSync(join(folder, 'config'), text);
  try {
    // A key alone has no value in this list; as a boolean, it is true.
    const list = git(folder, 'config', '--file', 'config', '--list', '--null').split('\0').slice(0, -1);
    return list.map((entry) => (entry.includes('\n') ? entry : `${entry}\ntrue`));
  } catch {
    return undefined;
  }
}

function asRead(text: string): string[] | undefined {
  return parseGitConfig(text)?.map(({ name, value }) => `${name}\n${value}`);
}

describe('a git configuration', () => {
  it.each([
    '[core]\n\tbare = false\n[remote "origin"]\n\turl = git@example.invalid:a/b.git ; why\n',
    '[core]fsmonitor=x',
    '[Core] FSMonitor = "a # b" # c\n[a "B\\"c"] d\n',
    '[a.B] c = 1\\\n 2 \\\n3\n',
    '\uFEFF[a]\r\nb = "x\\ty"  z  \r\n',
    '[a]\nb = "unfinished\n',
    '[a]\nb = \\q\n',
    '[a "x\ny"] b = c\n',
    'b = c\n',
    '[a] b = c [d] e = f\n',
  ])('a configuration is read as git reads it: %j', (text) => {
    expect(asRead(text)).toEqual(asGitSays(tempFolder(), text));
  });

  it('a random configuration is read as git reads it, or refused', () => {
    const folder = tempFolder();
    const tokens = ['[a]', '[A.b]', '[a "C"]', '[', ']', '"', '\\', '\\\n', '\\n', '\\"', '=', '#', ';', '\n', '\r\n'];
    const part = fc.constantFrom(
      ...tokens,
      ' ',
      '\t',
      '\v',
      '\r',
      'key',
      'Key-2',
      ' = ',
      'value',
      '-',
      '.',
      '1',
      '\uFEFF',
    );
    const text = fc.array(part, { maxLength: 14 }).map((parts) => `[s]\n${parts.join('')}`);
    fc.assert(
      fc.property(text, (config) => {
        const expected = asGitSays(folder, config);
        // Reading more than git does no harm, and a refusal is reported. Only a missed entry would do harm.
        const read = asRead(config);
        if (expected !== undefined && read !== undefined) expect(read).toEqual(expected);
        if (expected !== undefined && expected.length > 0) expect(read === undefined || read.length > 0).toBe(true);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 200) },
    );
  });
});
