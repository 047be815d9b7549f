import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeMountPoints } from '../../../../src/core/orchestration/workspace/mount-points.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

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
});
