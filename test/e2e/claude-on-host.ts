import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docker, engine, tempFolder } from './support.js';

/** The Claude Code of the image and its scripted model, for the PATH of this machine. */
export async function claudeOnHost(): Promise<string> {
  const folder = await tempFolder(0);
  const container = await docker('create', engine.image, 'claude');
  await docker('cp', `${container}:/opt/claude-code`, folder);
  await docker('rm', container);
  const sources = join(import.meta.dirname, 'engine');
  for (const file of ['model.mjs', 'messages.mjs', 'environment.mjs'])
    await copyFile(join(sources, file), join(folder, file));
  const wrapper = await readFile(join(sources, 'claude.mjs'), 'utf8');
  await writeFile(join(folder, 'claude.mjs'), wrapper.replace('/opt/claude-code', join(folder, 'claude-code')));
  await writeFile(
    join(folder, 'claude'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(folder, 'claude.mjs')}" "$@"\n`,
  );
  await chmod(join(folder, 'claude'), 0o755);
  return folder;
}
