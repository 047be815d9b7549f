import { chmodSync, chownSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkWritable, resolveWorkspace } from '../../../../src/core/orchestration/workspace/workspace-check.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

describe('the workspace', () => {
  it('a workspace that is a link is resolved to the real folder', async () => {
    const folder = tempFolder();
    const link = join(tempFolder(), 'link');
    symlinkSync(folder, link);
    expect(await resolveWorkspace(link)).toBe(folder);
  });

  it('a workspace has to exist', async () => {
    const missing = join(tempFolder(), 'missing');
    const { message } = await errorOf(resolveWorkspace(missing), 'WORKSPACE_NOT_FOUND');
    expect(message).toContain(`Option 'cwd' ("${missing}") does not exist`);
  });

  it('a workspace has to be a folder', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    const { message } = await errorOf(resolveWorkspace(file), 'WORKSPACE_NOT_FOUND');
    expect(message).toContain('is not a folder');
  });
});

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
const user = (id: number, gids: number[]): Parameters<typeof checkWritable>[2] => ({
  uid: id,
  gids,
});

describe("a folder's mode", () => {
  it.each([
    [0o700, 'its owner', user(uid, []), true],
    [0o770, 'its group', user(uid + 1, [gid + 1, gid]), true],
    [0o777, 'others', user(uid + 1, [gid + 1]), true],
    [0o755, 'its group', user(uid + 1, [gid]), false],
    [0o755, 'others', user(uid + 1, [gid + 1]), false],
    [0o776, 'other users, who cannot enter it', user(uid + 1, [gid + 1]), false],
    [0o577, 'its owner, who does not count as group or other user', user(uid, [gid]), false],
    [0o757, 'its group, which does not count as other users', user(uid + 1, [gid]), false],
  ])('the workspace check of a folder with mode %o, for %s', async (mode, _, facts, writable) => {
    const folder = tempFolder();
    chmodSync(folder, mode);
    const check = checkWritable(folder, 'image', facts);
    if (writable) await expect(check).resolves.toBeUndefined();
    else {
      const { message } = await errorOf(check, 'WORKSPACE_NOT_WRITABLE');
      expect(message).toContain(`"${folder}" belongs to ${uid}:${gid} (mode ${mode.toString(8)})`);
      expect(message).toContain(`uid ${facts.uid}`);
      expect(message).toContain(`set docker.user to '${uid}:${gid}'`);
    }
  });

  it.runIf(uid === 0)(
    "a folder's mode also counts for the image's root, because containers run without capabilities",
    async () => {
      const folder = tempFolder();
      chmodSync(folder, 0o755);
      chownSync(folder, 1000, 1000);
      await errorOf(checkWritable(folder, 'image', user(0, [0])), 'WORKSPACE_NOT_WRITABLE');
      await expect(checkWritable(folder, 'image', user(1000, [1000]))).resolves.toBeUndefined();
    },
  );
});
