import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder, writeNewFile } from '../../../../../src/core/orchestration/util/fs/owner.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

it.each([
  ['that a group shares', 0o2775, ['2775', '664', '600']],
  ['of one user', 0o755, ['755', '644', '600']],
] as const)('what is made in a folder %s can be changed by whom the folder says', async (_, mode, modes) => {
  const folder = tempFolder();
  chmodSync(folder, mode);
  await makeFolder(join(folder, 'made'), undefined);
  await writeNewFile(join(folder, 'file'), 'x', undefined);
  await writeNewFile(join(folder, 'secret'), 'x', undefined, 0o600);
  expect(['made', 'file', 'secret'].map((name) => modeOf(join(folder, name)))).toEqual(modes);
});
