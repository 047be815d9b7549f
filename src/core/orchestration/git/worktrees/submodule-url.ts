import { join } from 'node:path';
import { parseGitConfig } from '../repository/config-file.js';
import { readGitFile } from '../repository/layout.js';
import type { GitView } from '../repository/view.js';

/** True if the address of a submodule belongs to that of the repository around it. */
export function isRelativeUrl(url: string): boolean {
  return /^\.\.?\//.test(url);
}

/** The address to which relative ones of submodules belong: that of the only remote or of `origin`, else the folder itself. */
export async function addressOf({ layout, paths }: GitView): Promise<string> {
  const text = await readGitFile(paths.to(join(layout.commonDir, 'config')));
  const entries = parseGitConfig(text ?? '') ?? [];
  const names = new Set(entries.flatMap(({ name }) => /^remote\.(.+)\.url$/s.exec(name)?.[1] ?? []));
  const [only = 'origin'] = names.size === 1 ? names : [];
  // Git uses the first address of a remote that has more than one.
  return entries.find(({ name }) => name === `remote.${only}.url`)?.value ?? layout.root;
}

/** The whole address of a submodule, as git makes it of a relative one. Undefined if it leads out of the address around it. */
export function wholeUrl(around: string, url: string): string | undefined {
  if (!isRelativeUrl(url)) return url;
  let base = around.replace(/\/$/, '');
  let rest = url;
  let separator = '/';
  while (isRelativeUrl(rest)) {
    if (rest.startsWith('./')) {
      rest = rest.slice(2);
      continue;
    }
    rest = rest.slice(3);
    const [, before, sign] = /^(.*)([/:])[^/:]*$/s.exec(base) ?? [];
    if (before === undefined || sign === undefined) return undefined;
    base = before;
    // `host:path` has no slash in front of the path.
    separator = sign;
  }
  return `${base}${separator}${rest}`.replace(/\/$/, '');
}
