import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pinned, workspaceOf } from '../../../src/handlers/http/workspaces.js';
import { errorOf } from '../../support/errors.js';
import { tempFolder } from '../../support/temp-folder.js';

/** Two workspaces beside a folder that is no workspace. */
function folders() {
  const root = tempFolder();
  const [first, second, outside] = ['first', 'second', 'first-outside'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [first, second, outside, join(first, 'inner'), join(second, '..inner')]) mkdirSync(folder);
  return { root, first, second, outside, workspaces: [first, second] };
}

describe('workspaceOf', () => {
  it('workspaceOf() returns the first workspace by default and resolves relative paths in it', async () => {
    const { first, second, workspaces } = folders();
    expect(await workspaceOf(undefined, workspaces)).toBe(first);
    expect(await workspaceOf('inner', workspaces)).toBe(join(first, 'inner'));
    expect(await workspaceOf('../second', workspaces)).toBe(second);
  });

  it('workspaceOf() accepts any workspace and the folders in it, whatever their names begin with', async () => {
    const { first, second, workspaces } = folders();
    expect(await workspaceOf(second, workspaces)).toBe(second);
    expect(await workspaceOf(join(first, 'inner/..'), workspaces)).toBe(first);
    expect(await workspaceOf(join(second, '..inner'), workspaces)).toBe(join(second, '..inner'));
  });

  it('workspaceOf() follows a link inside a workspace and a workspace that is a link', async () => {
    const { root, first, workspaces } = folders();
    symlinkSync(join(first, 'inner'), join(first, 'link'));
    expect(await workspaceOf('link', workspaces)).toBe(join(first, 'inner'));
    symlinkSync(first, join(root, 'alias'));
    expect(await workspaceOf('inner', pinned([join(root, 'alias')]))).toBe(join(first, 'inner'));
  });

  it('workspaceOf() refuses a folder outside of the workspaces, however it is reached', async () => {
    const { root, first, outside, workspaces } = folders();
    symlinkSync(outside, join(first, 'link'));
    symlinkSync(root, join(first, 'up'));
    for (const cwd of [
      '/',
      root,
      outside,
      '..',
      '../first-outside',
      'inner/../..',
      'link',
      'up/first-outside',
      relative(first, '/'),
    ])
      expect(await errorOf(workspaceOf(cwd, workspaces), 'INVALID_OPTIONS'), cwd).toHaveProperty(
        'message',
        expect.stringMatching(/is in none of the folders/),
      );
  });

  it('workspaceOf() refuses everything if there are no workspaces', async () => {
    await errorOf(workspaceOf(undefined, []), 'INVALID_OPTIONS');
    await errorOf(workspaceOf('/', []), 'INVALID_OPTIONS');
  });

  it('workspaceOf() reports a folder that cannot be found', async () => {
    const { first, workspaces } = folders();
    for (const cwd of ['missing', 'a\0b', join(first, 'x'.repeat(5_000))])
      await errorOf(workspaceOf(cwd, workspaces), 'WORKSPACE_NOT_FOUND');
  });

  it('workspaceOf() accepts a workspace also if another one is missing', async () => {
    const { root, second } = folders();
    const workspaces = [join(root, 'missing'), second];
    expect(await workspaceOf(second, workspaces)).toBe(second);
    await errorOf(workspaceOf(root, workspaces), 'INVALID_OPTIONS');
    await errorOf(workspaceOf(undefined, workspaces), 'WORKSPACE_NOT_FOUND');
  });

  it('workspaceOf() does not follow a workspace that becomes a link later', async () => {
    const { root, first, outside } = folders();
    const workspaces = pinned([join(first, 'inner'), join(root, 'missing')]);
    rmdirSync(join(first, 'inner'));
    symlinkSync(outside, join(first, 'inner'));
    symlinkSync(outside, join(root, 'missing'));
    for (const cwd of [join(first, 'inner'), join(root, 'missing'), outside])
      await errorOf(workspaceOf(cwd, workspaces), 'INVALID_OPTIONS');
  });

  it('workspaceOf() does not follow a file', async () => {
    const { first, workspaces } = folders();
    writeFileSync(join(first, 'file'), '');
    await errorOf(workspaceOf('file/x', workspaces), 'WORKSPACE_NOT_FOUND');
  });
});
