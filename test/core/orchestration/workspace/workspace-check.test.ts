import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveWorkspace } from '../../../../src/core/orchestration/workspace/workspace-check.js';
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
