import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAtomically } from '../../../../../src/core/orchestration/util/fs/atomic-file.js';
import { tempFolder } from '../../../../support/temp-folder.js';

describe('a file that is written atomically', () => {
  it('is its text, for its owner only, with nothing beside it', async () => {
    const folder = tempFolder();
    await writeAtomically(join(folder, 'a.json'), 'ä one');
    await writeAtomically(join(folder, 'a.json'), 'two');
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('two');
    expect(readdirSync(folder)).toEqual(['a.json']);
    expect(statSync(join(folder, 'a.json')).mode & 0o777).toBe(0o600);
  });

  it('is one text or the other to whoever reads it meanwhile', async () => {
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

  it('writes over what a killed writer left', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, '.a.json.part'), 'a very long beginning of something that never came to be');
    await writeAtomically(join(folder, 'a.json'), 'whole');
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('whole');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  it('stays as it was where it cannot be written', async () => {
    const folder = tempFolder();
    await writeAtomically(join(folder, 'a.json'), 'before');
    mkdirSync(join(folder, '.a.json.part'));
    await expect(writeAtomically(join(folder, 'a.json'), 'after')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('before');
    await expect(writeAtomically(join(folder, 'none', 'a.json'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});
