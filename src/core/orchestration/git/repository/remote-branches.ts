import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { parseGitConfig } from './config-file.js';
import { readGitFile } from './layout.js';
import type { GitView } from './view.js';

/**
 * The branches of this name in the repository's remotes, as refs. Git is not run, because it would read all refs, and an agent
 * can make any number of them.
 */
export async function remoteBranches({ layout, paths, folder }: GitView, branch: string): Promise<string[]> {
  const inCommon = (name: string): string => paths.to(join(layout.commonDir, name));
  const [config, packed] = await Promise.all([
    readGitFile(inCommon('config')),
    readFile(join(folder, 'packed-refs')).catch(ignoreMissing),
  ]);
  const names = (parseGitConfig(config ?? '') ?? []).map(({ name }) => /^remote\.(.+)\.\w+$/.exec(name)?.[1]);
  const refs = [...new Set(names.filter((name) => name !== undefined))].map((name) => `refs/remotes/${name}/${branch}`);
  const exist = await Promise.all(
    refs.map(async (ref) => packed?.includes(` ${ref}\n`) || (await lstat(inCommon(ref)).catch(ignoreMissing))),
  );
  return refs.filter((_, index) => exist[index]);
}
