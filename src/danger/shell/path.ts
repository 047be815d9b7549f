import { ANY } from './value.js';

/**
 * The absolute path that a text names, without `.` and `..`. Starts with {@link ANY} instead of `/` if it can be anywhere.
 * Symbolic links are not followed.
 */
export function resolvePath(text: string, cwd: string): string {
  const full = text.startsWith('/') || text.startsWith(ANY) ? text : `${cwd}/${text}`;
  let absolute = full.startsWith('/');
  let segments: string[] = [];
  for (const segment of full.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.at(-1)?.includes(ANY)) {
      // If a part of the path is unknown, nobody knows what `..` removes.
      segments = [ANY];
      absolute = false;
    } else segments.pop();
  }
  return (absolute ? '/' : '') + segments.join('/');
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether a path is a folder or below it. Paths are those of the container, always with `/`, also on Windows. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
