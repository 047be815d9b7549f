import { chownSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { makeMountPoints } from '../../../../src/core/orchestration/workspace/mount-points.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** What somebody does as soon as a folder was made. */
const afterwards = vi.hoisted(() => ({ act: (): void => {} }));
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const mkdir = async (path: string): Promise<void> => {
    await real.mkdir(path);
    afterwards.act();
  };
  return { ...real, mkdir };
});

describe('the folders over which something is mounted', () => {
  it('missing folders of the workspace are made, and others are left alone', async () => {
    const workspace = tempFolder();
    mkdirSync(join(workspace, 'packages'));
    await makeMountPoints(workspace, ['/workspace/packages/a/node_modules', '/data', '/workspacex']);
    expect(statSync(join(workspace, 'packages/a/node_modules')).isDirectory()).toBe(true);
    expect(readdirSync(workspace)).toEqual(['packages']);
    await makeMountPoints(workspace, ['/workspace/packages/a/node_modules']);
  });

  it('a link on the way is not followed', async () => {
    const [workspace, elsewhere] = [tempFolder(), tempFolder()];
    symlinkSync(elsewhere, join(workspace, 'link'));
    const { message } = await errorOf(makeMountPoints(workspace, ['/workspace/link/deps']), 'UNSAFE_MOUNT');
    expect(message).toContain('/workspace/link/deps');
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it('a file in the way is named', async () => {
    const workspace = tempFolder();
    writeFileSync(join(workspace, 'deps'), '');
    const { message } = await errorOf(makeMountPoints(workspace, ['/workspace/deps']), 'UNSAFE_MOUNT');
    expect(message).toContain(join(workspace, 'deps'));
  });

  it.runIf(process.getuid?.() === 0)('missing folders belong to the owner of the workspace', async () => {
    const workspace = tempFolder();
    chownSync(workspace, 1234, 1235);
    await makeMountPoints(workspace, ['/workspace/a/b']);
    expect(statSync(join(workspace, 'a/b'))).toMatchObject({ uid: 1234, gid: 1235 });
  });

  it.runIf(process.getuid?.() === 0)(
    "a folder of root's that an agent moves into the place of a new folder stays root's",
    async () => {
      const workspace = tempFolder();
      chownSync(workspace, 1234, 1235);
      mkdirSync(join(workspace, 'secrets'), { mode: 0o700 });
      writeFileSync(join(workspace, 'secrets/key'), '');
      const made = join(workspace, 'deps');
      afterwards.act = () => {
        renameSync(made, `${made}-moved`);
        renameSync(join(workspace, 'secrets'), made);
      };
      try {
        await makeMountPoints(workspace, ['/workspace/deps']);
      } finally {
        afterwards.act = () => {};
      }
      expect(readdirSync(made)).toEqual(['key']);
      expect(statSync(made).uid).toBe(0);
    },
  );
});
