import { describe, expect, it } from 'vitest';
import { FolderSet, SortedPaths } from '../../../../../src/core/orchestration/git/ignored/sorted-paths.js';

/** All paths of some folders and files with names that sort next to a slash. */
const NAMES = ['a', 'a-', 'a.', 'a0', 'b', 'é', '😀'];
const PATHS = NAMES.flatMap((one) => [
  one,
  `${one}/`,
  ...NAMES.flatMap((two) => [`${one}/${two}`, `${one}/${two}/`, `${one}/${two}/c`]),
]);

/** Every fifth path or so. */
function some(start: number): string[] {
  return PATHS.filter((_, index) => (index * 7 + start) % 5 === 0).reverse();
}

describe('sorted paths', () => {
  it.each([0, 1, 2, 3, 4])(
    'a folder set has exactly what begins with the path of one of its folders, choice %i',
    (start) => {
      const folders = some(start).filter((path) => path.endsWith('/'));
      const set = new FolderSet(some(start));
      const expected = PATHS.filter((path) => folders.some((folder) => path !== folder && path.startsWith(folder)));
      expect(PATHS.filter((path) => set.has(path))).toEqual(expected);
      expect(expected.length).toBeGreaterThan(0);
    },
  );

  it.each([0, 1, 2, 3, 4])('paths reach themselves and the folders on their way, choice %i', (start) => {
    const paths = new SortedPaths(some(start));
    const isOnWay = (path: string): boolean => path.endsWith('/') && some(start).some((each) => each.startsWith(path));
    const expected = PATHS.filter((path) => some(start).includes(path) || isOnWay(path));
    expect(PATHS.filter((path) => paths.reaches(path))).toEqual(expected);
  });

  it('no paths have and reach nothing', () => {
    expect([new FolderSet([]).has('a/b'), new SortedPaths([]).reaches('a/')]).toEqual([false, false]);
  });
});
