import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadPromptFile } from 'channelcoder';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { checkPromptFile, validatePromptFile } from '../../../../src/core/orchestration/channelcoder/prompt-file.js';
import { readUserFile } from '../../../../src/core/orchestration/util/fs/user-file.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

function promptFile(text: string | Buffer): string {
  const path = join(tempFolder(), 'prompt.md');
  writeFileSync(path, text);
  return path;
}

/** Reads a prompt file in the same way as the creation of a session. */
async function readPromptFile(path: string): Promise<string> {
  const text = await readUserFile('promptFile', path, '/');
  checkPromptFile(path, text);
  return text;
}

const check = (text: string, data = {}): Promise<unknown> => validatePromptFile(promptFile(text), 'prompt.md', data);

describe('reading a prompt file', () => {
  it.each([
    ['plain text', 'Fix the test.'],
    ['YAML front matter', '---\nallowedTools: [Read]\n---\nFix it.'],
    ['front matter that is marked as YAML', '---yaml\nallowedTools: [Read]\n---\nFix it.'],
    ['a horizontal rule instead of front matter', '-----\nFix it.'],
    ['CRLF', '---\r\nallowedTools: [Read]\r\n---\r\nFix it.\r\n'],
    ['a BOM', '\ufeff---\nallowedTools: [Read]\n---\nFix it.'],
    ['no content', ''],
  ])('a prompt file with %s is read unchanged', async (_, text) => {
    expect(await readPromptFile(promptFile(text))).toBe(text);
  });

  it('a missing prompt file is refused, and the error names its path', async () => {
    const path = join(tempFolder(), 'missing.md');
    const { message } = await errorOf(readPromptFile(path), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'promptFile'");
    expect(message).toContain(path);
    expect(message).toContain('does not exist');
  });

  it('a folder is refused as a prompt file', async () => {
    const { message } = await errorOf(readPromptFile(tempFolder()), 'INVALID_OPTIONS');
    expect(message).toContain('not a regular file');
  });

  it('a prompt file of more than 1 MB is refused', async () => {
    const path = promptFile(Buffer.alloc(1024 * 1024 + 1, 'x'));
    expect((await errorOf(readPromptFile(path), 'INVALID_OPTIONS')).message).toContain('longer than 1048576 bytes');
  });

  it('a FIFO is refused as a prompt file, because it would block a thread forever', async () => {
    const path = join(tempFolder(), 'fifo.md');
    execFileSync('mkfifo', [path]);
    expect((await errorOf(readPromptFile(path), 'INVALID_OPTIONS')).message).toContain('not a regular file');
  });

  it('a relative path that leads out of the workspace is refused, but an absolute path is accepted', async () => {
    const [cwd, secret] = [tempFolder(), promptFile('secret')];
    symlinkSync(secret, join(cwd, 'link.md'));
    for (const path of ['link.md', relative(cwd, secret)]) {
      const { message } = await errorOf(readUserFile('promptFile', path, cwd), 'INVALID_OPTIONS');
      expect(message).toContain('out of the workspace');
    }
    expect(await readUserFile('promptFile', secret, cwd)).toBe('secret');
  });

  it('many unclosed braces are refused, because ChannelCoder takes quadratic time for them', async () => {
    const { message } = await errorOf(readPromptFile(promptFile('{'.repeat(60_000))), 'INVALID_OPTIONS');
    expect(message).toContain('60000 braces');
    expect(await readPromptFile(promptFile('{x} '.repeat(5_000)))).toHaveLength(20_000);
  });
});

describe('front matter that would be executed', () => {
  const marker = globalThis as { promptFileRan?: boolean };
  afterEach(() => {
    delete marker.promptFileRan;
  });
  const code = '\nglobalThis.promptFileRan = true;\nmodule.exports = {};\n---\nHello';

  it('ChannelCoder executes JavaScript in front matter, which is why the library checks front matter', async () => {
    await loadPromptFile(promptFile(`---js${code}`)).catch(() => {});
    expect(marker.promptFileRan, 'channelcoder no longer executes ---js: the check may go').toBe(true);
  });

  it.each([
    '---js',
    '---javascript',
    '--- js',
    '---\tjs',
    '---js\r',
    '---\rjs',
    '\ufeff---js',
    '---JS',
    '---json',
    '---coffee',
  ])('front matter that begins with %j is refused and not executed', async (opening) => {
    const { message } = await errorOf(readPromptFile(promptFile(opening + code)), 'INVALID_OPTIONS');
    expect(message).toContain('only YAML is accepted');
    expect(marker.promptFileRan).toBeUndefined();
  });

  it('front matter that was accepted is never executed, whatever stands before it', async () => {
    const path = promptFile('');
    const part = fc.constantFrom(
      '---',
      '-',
      'js',
      'javascript',
      ' ',
      '\t',
      '\r',
      '\n',
      '\ufeff',
      '\u2028',
      '\u00a0',
      '\0',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        writeFileSync(path, parts.join('') + code);
        const accepted = await readPromptFile(path).then(
          () => true,
          () => false,
        );
        if (accepted) await validatePromptFile(path, 'prompt.md', {}).catch(() => {});
        expect(marker.promptFileRan).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('checking a prompt file', () => {
  it.each([
    ['no front matter', 'Fix {it}.', {}],
    [
      'data that the schema allows',
      '---\ninput:\n  file: string\n  lines: number\n---\n{file}',
      { file: 'a', lines: 1 },
    ],
    ['an optional value that is missing', '---\ninput:\n  file?: string\n---\n{file}', {}],
    ['more data than the schema has', '---\ninput:\n  file: string\n---\n{file}', { file: 'a', other: 1 }],
    ['CRLF and a BOM', '\ufeff---\r\ninput:\r\n  file: string\r\n---\r\n{file}\r\n', { file: 'a' }],
  ])('a prompt file with %s is accepted', async (_, text, data) => {
    await expect(check(text, data)).resolves.not.toThrow();
  });

  it('a missing value is refused, although ChannelCoder alone would accept it', async () => {
    const { message } = await errorOf(check('---\ninput:\n  file: string\n---\n{file}'), 'INVALID_OPTIONS');
    expect(message).toContain('"file" in \'data\': Required');
    expect(message).toContain('(received undefined)');
    expect(message).toContain('prompt.md');
  });

  it('a value of the wrong type is refused, and the error shows the value', async () => {
    const work = check('---\ninput:\n  lines: number\n---\n{lines}', { lines: 'many' });
    const { message } = await errorOf(work, 'INVALID_OPTIONS');
    expect(message).toContain('"lines" in \'data\': Expected number, received string (received "many")');
  });

  it.each([
    ['an unknown key', '---\nallowed: [Read]\n---\nGo.', "Unrecognized key(s) in object: 'allowed'"],
    ['a value of the wrong type', '---\nallowedTools: Read\n---\nGo.', 'Expected array'],
    ['broken YAML', '---\nallowedTools: [Read\n---\nGo.', 'cannot be read by ChannelCoder'],
  ])('%s in the front matter is refused', async (_, text, message) => {
    const error = await errorOf(check(text), 'INVALID_OPTIONS');
    expect(error.message.replaceAll('\\"', '"')).toContain(message);
  });
});
