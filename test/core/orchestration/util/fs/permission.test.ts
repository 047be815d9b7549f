import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ENTER,
  type FileRights,
  permits,
  READ,
  refusalToWrite,
  WRITE,
} from '../../../../../src/core/orchestration/util/fs/permission.js';

const file = (mode: number): FileRights => ({ uid: 1000, gid: 100, mode });

describe('permits', () => {
  it.each([
    ['the owner', { uid: 1000, gid: 100 }, 0o700],
    ['a member of the group', { uid: 7, gid: 100 }, 0o070],
    ['somebody with the group as a further one', { uid: 7, gid: 8, groups: [9, 100] }, 0o070],
    ['somebody else', { uid: 7, gid: 8, groups: [9] }, 0o007],
    ['uid 0, who is somebody else without capabilities', { uid: 0, gid: 0 }, 0o007],
  ])('asks only the bits of %s', (_, user, mode) => {
    const bits = READ | WRITE | ENTER;
    expect(permits(file(mode), user, bits)).toBe(true);
    expect(permits(file(0o777 & ~mode), user, READ)).toBe(false);
  });

  it('wants all that is asked for', () => {
    const owner = { uid: 1000, gid: 100 };
    expect(permits(file(0o600), owner, READ | WRITE)).toBe(true);
    expect(permits(file(0o600), owner, WRITE | ENTER)).toBe(false);
    expect(permits(file(0o300), owner, WRITE | ENTER)).toBe(true);
  });
});

describe('refusalToWrite', () => {
  it('says nothing of a folder that can be written, and names the code otherwise', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'permission-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await expect(refusalToWrite(folder)).resolves.toBeUndefined();
    await expect(refusalToWrite(join(folder, 'missing'))).resolves.toBe('ENOENT');
  });
});
