import { sep } from 'node:path';

/**
 * Whether a path is a folder itself or lies below it. Both absolute and normalized, without a `/` at the end; as links are
 * not followed, real paths where that counts.
 */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
