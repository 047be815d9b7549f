import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this package: one level above `dist/`, two above `src/cli/`. */
async function packageFolder(): Promise<string> {
  for (const above of ['../', '../../']) {
    const folder = fileURLToPath(new URL(above, import.meta.url));
    const found = await access(`${folder}image/Dockerfile`).then(
      () => true,
      () => false,
    );
    if (found) return folder;
  }
  throw new Error('The package is not complete: its folder has no image/Dockerfile. Install it again.');
}

/** The folder with the Dockerfile of the image. */
export const imageFolder = async (): Promise<string> => `${await packageFolder()}image`;

export async function packageVersion(): Promise<string> {
  const text = await readFile(`${await packageFolder()}package.json`, 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The release of a package that this one depends on. Undefined if it is not found, as in a bundle. */
export async function versionOf(dependency: string): Promise<string | undefined> {
  // Not by import: a package need not export its package.json.
  for (const folder of createRequire(import.meta.url).resolve.paths(dependency) ?? []) {
    const text = await readFile(join(folder, dependency, 'package.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  return undefined;
}
