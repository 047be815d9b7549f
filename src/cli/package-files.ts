import { access, readFile } from 'node:fs/promises';
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
