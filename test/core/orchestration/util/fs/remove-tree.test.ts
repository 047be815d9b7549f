import { execFile } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { removeTree, requireRemovable } from '../../../../../src/core/orchestration/util/fs/remove-tree.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

function filled(): string {
  const folder = join(tempFolder(), 'folder');
  mkdirSync(join(folder, 'deep'), { recursive: true });
  writeFileSync(join(folder, 'deep/file'), 'x');
  return folder;
}

describe('removeTree()', () => {
  it('a folder is removed with everything in it, and a missing one is no error', async () => {
    const folder = filled();
    await removeTree(folder);
    expect(existsSync(folder)).toBe(false);
    await removeTree(folder);
  });

  it('links are removed, and what they lead to stays', async () => {
    const [folder, other] = [filled(), filled()];
    symlinkSync(other, join(folder, 'link'));
    const link = join(tempFolder(), 'link');
    symlinkSync(other, link);
    await removeTree(folder);
    await removeTree(link);
    expect([existsSync(folder), existsSync(link), existsSync(join(other, 'deep/file'))]).toEqual([false, false, true]);
  });

  it('folders that are nested deeper than a path can name are removed', async () => {
    const folder = filled();
    const script = 'for i in $(seq 300); do mkdir 0123456789012345678901234567890123456789 && cd -P 0*; done';
    await run('bash', ['-c', script], { cwd: folder });
    await removeTree(folder);
    expect(existsSync(folder)).toBe(false);
  });

  it('a folder with many thousand names is removed', async () => {
    const folder = filled();
    await run('bash', ['-c', 'seq 20000 | xargs touch'], { cwd: folder });
    await removeTree(folder);
    expect(existsSync(folder)).toBe(false);
  });
});

describe.runIf(isRoot)('a process that is not root', () => {
  const USER = 65_534;
  const script = join(import.meta.dirname, '../../../../fixtures/remove-as-user.ts');
  /** Removes a folder as an ordinary user. @param owners of the folder and of the folder in it */
  async function asUser(owners: [number, number], mode = 0o755): Promise<{ said: string; folder: string }> {
    const folder = filled();
    const deep = join(folder, 'deep');
    chownSync(deep, owners[1], owners[1]);
    chmodSync(deep, mode);
    for (const path of [join(folder, '..'), folder]) chownSync(path, owners[0], owners[0]);
    const { stdout } = await run(process.execPath, ['--import', 'tsx', script, folder, String(USER)]);
    return { said: stdout.trim(), folder };
  }

  it('a folder that an agent of the same user has closed is opened and removed', async () => {
    const { said, folder } = await asUser([USER, USER], 0o000);
    expect([said, existsSync(folder)]).toEqual(['removed', false]);
  });

  it.each([
    ['which nobody else may change', 0o755],
    ['which nobody else may read', 0o700],
    ['in which everybody may change only files of their own', 0o1777],
  ])('files in a folder of another user, %s, are reported before anything is removed', async (_, mode) => {
    const { said, folder } = await asUser([USER, 12_345], mode);
    expect(said).toContain(`${join(folder, 'deep')} belong to uid 12345, and this process runs as uid ${USER}`);
    expect(existsSync(join(folder, 'deep/file'))).toBe(true);
  });

  it('files in a folder of another user that everybody may change are removed', async () => {
    const { said, folder } = await asUser([USER, 12_345], 0o777);
    expect([said, existsSync(folder)]).toEqual(['removed', false]);
  });
});

it('root needs no permission', async () => {
  const folder = filled();
  chmodSync(join(folder, 'deep'), 0o000);
  await requireRemovable(folder);
  await removeTree(folder);
  expect(existsSync(folder)).toBe(false);
});
