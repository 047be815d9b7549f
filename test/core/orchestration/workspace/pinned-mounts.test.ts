import { mkdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pinMounts } from '../../../../src/core/orchestration/workspace/pinned-mounts.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

const mountOf = (source: string) => ({ source, target: '/data', readonly: true });

describe('pinMounts', () => {
  it('pinned mounts have the device and inode of their sources, in their order', async () => {
    const paths = [tempFolder(), tempFolder()];
    const identities = paths.map((path) => {
      const { dev, ino } = statSync(path, { bigint: true });
      return { dev: String(dev), ino: String(ino) };
    });
    expect(await pinMounts(paths.map(mountOf))).toEqual([
      { ...mountOf(paths[0] ?? ''), identity: identities[0] },
      { ...mountOf(paths[1] ?? ''), identity: identities[1] },
    ]);
  });

  it.each<[string, string, (path: string) => void]>([
    ['is gone', 'ENOENT', () => {}],
    ['is a link', 'leads to', (path) => symlinkSync(`${path}-moved`, path)],
    ['is another folder', 'something else is there now', (path) => mkdirSync(path)],
  ])('a mount is refused if its source %s by now', async (_, why, change) => {
    const path = join(tempFolder(), 'folder');
    mkdirSync(path);
    const checked = await pinMounts([mountOf(path)]);
    renameSync(path, `${path}-moved`);
    change(path);
    const { message } = await errorOf(pinMounts(checked), 'UNSAFE_MOUNT');
    expect(message).toContain(why);
    expect(message).toContain(path);
  });

  it('a mount is refused if a folder above its source is a link', async () => {
    const parent = join(tempFolder(), 'parent');
    const path = join(parent, 'folder');
    mkdirSync(path, { recursive: true });
    renameSync(parent, `${parent}-moved`);
    symlinkSync(`${parent}-moved`, parent);
    await errorOf(pinMounts([mountOf(path)]), 'UNSAFE_MOUNT');
    rmSync(parent);
  });
});
