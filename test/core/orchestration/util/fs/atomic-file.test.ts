import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAtomically } from '../../../../../src/core/orchestration/util/fs/atomic-file.js';
import { tempFolder } from '../../../../support/temp-folder.js';

describe('writeAtomically', () => {
  it('a file that is written atomically has its text, is only for its owner, and leaves no other file', async () => {
    const folder = tempFolder();
    await writeAtomically(join(folder, 'a.json'), 'ä one');
    await writeAtomically(join(folder, 'a.json'), 'two');
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('two');
    expect(readdirSync(folder)).toEqual(['a.json']);
    expect(statSync(join(folder, 'a.json')).mode & 0o777).toBe(0o600);
  });

  it('a reader sees the old or the new text, never a mixture', async () => {
    const path = join(tempFolder(), 'a.json');
    const texts = ['a', 'b'].map((letter) => letter.repeat(300_000));
    await writeAtomically(path, texts[0] ?? '');
    let writing = true;
    const seen = new Set<string>();
    const reading = (async () => {
      while (writing) seen.add(await readFile(path, 'utf8'));
    })();
    for (let round = 0; round < 40; round++) await writeAtomically(path, texts[round % 2] ?? '');
    writing = false;
    await reading;
    expect([...seen].filter((text) => !texts.includes(text))).toEqual([]);
  });

  it('the rest that a killed writer left is overwritten', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, '.a.json.part'), 'a very long beginning of something that never came to be');
    await writeAtomically(join(folder, 'a.json'), 'whole');
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('whole');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  it('a file that cannot be written keeps its old text', async () => {
    const folder = tempFolder();
    await writeAtomically(join(folder, 'a.json'), 'before');
    mkdirSync(join(folder, '.a.json.part'));
    await expect(writeAtomically(join(folder, 'a.json'), 'after')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('before');
    await expect(writeAtomically(join(folder, 'none', 'a.json'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});
