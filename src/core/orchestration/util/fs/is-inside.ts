import { sep } from 'node:path';

/**
 * True if a path is the folder itself or lies below it. Both have to be absolute and normalized, without a `/` at the end.
 * Links are not followed, so give real paths if links matter.
 */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
