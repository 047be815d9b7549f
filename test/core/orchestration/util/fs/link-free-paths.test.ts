import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLinkFreePaths } from '../../../../../src/core/orchestration/util/fs/link-free-paths.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** A folder with a file, and a folder elsewhere with another file. */
function scene() {
  const folder = join(tempFolder(), 'a/b');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'file'), 'own');
  const elsewhere = tempFolder();
  writeFileSync(join(elsewhere, 'file'), 'private');
  return { folder, file: join(folder, 'file'), elsewhere };
}

describe('a link-free path', () => {
  it('a link-free path reads, writes and links the real files', async () => {
    const { folder, file } = scene();
    await withLinkFreePaths(async (paths) => {
      expect(await readFile(paths.to(file), 'utf8')).toBe('own');
      await mkdir(join(paths.to(folder), 'new/folder'), { recursive: true });
      await writeFile(paths.to(join(folder, 'new/folder/x')), 'written');
      await link(paths.to(file), paths.to(join(folder, 'same')));
    });
    expect(readFileSync(join(folder, 'new/folder/x'), 'utf8')).toBe('written');
    expect(readFileSync(join(folder, 'same'), 'utf8')).toBe('own');
  });

  it('a link to a link-free path reads its files, but follows no link in it', async () => {
    const { folder, elsewhere } = scene();
    symlinkSync(join(elsewhere, 'file'), join(folder, 'link'));
    await withLinkFreePaths(async (paths, own) => {
      symlinkSync(paths.to(folder, 1), join(own, 'view'));
      expect(await readFile(join(own, 'view/file'), 'utf8')).toBe('own');
      await expect(readFile(join(own, 'view/link'))).rejects.toMatchObject({ code: 'ELOOP' });
    });
  });

  it.each<[string, (scene_: ReturnType<typeof scene>) => void]>([
    [
      'the file',
      ({ file, elsewhere }) => {
        renameSync(file, `${file}-old`);
        symlinkSync(join(elsewhere, 'file'), file);
      },
    ],
    [
      'its folder',
      ({ folder, elsewhere }) => {
        renameSync(folder, `${folder}-old`);
        symlinkSync(elsewhere, folder);
      },
    ],
    [
      'a folder above',
      ({ folder, elsewhere }) => {
        mkdirSync(join(elsewhere, 'b'));
        writeFileSync(join(elsewhere, 'b/file'), 'private');
        renameSync(join(folder, '..'), join(folder, '../../old'));
        symlinkSync(elsewhere, join(folder, '..'));
      },
    ],
  ])('a link-free path fails as soon as a link takes the place of %s', async (_, exchange) => {
    const here = scene();
    await withLinkFreePaths(async (paths) => {
      const path = paths.to(here.file);
      expect(await readFile(path, 'utf8')).toBe('own');
      exchange(here);
      expect(readFileSync(here.file, 'utf8'), 'any other path follows the link').toBe('private');
      await expect(readFile(path)).rejects.toMatchObject({ code: 'ELOOP' });
      await expect(writeFile(path, 'x')).rejects.toMatchObject({ code: 'ELOOP' });
    });
  });

  it('removing a link-free path removes links, and not their targets', async () => {
    const { folder, elsewhere } = scene();
    symlinkSync(elsewhere, join(folder, 'link'));
    await withLinkFreePaths((paths) => rm(paths.to(folder), { recursive: true }));
    expect(readdirSync(elsewhere)).toEqual(['file']);
  });

  it('withLinkFreePaths leaves no folder behind when its callback fails', async () => {
    let used = '';
    const use = withLinkFreePaths((_, folder) => {
      used = folder;
      return Promise.reject(new Error('own'));
    });
    await expect(use).rejects.toThrow('own');
    expect(existsSync(used)).toBe(false);
  });
});
