import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { chosenFiles, idlePatterns } from '../../../../../src/core/orchestration/git/ignored/ignored-files.js';
import { type GitLayout, gitLayoutAt } from '../../../../../src/core/orchestration/git/repository/layout.js';
import { withGitView } from '../../../../../src/core/orchestration/git/repository/view.js';
import { copyIgnored } from '../../../../../src/core/orchestration/git/worktrees/copied-files.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const DEPTH = 150;
const FILES = 200;
const DEEP = 'a/'.repeat(DEPTH);

/** A repository with many ignored files in a folder that is nested deep. */
async function scene(): Promise<GitLayout> {
  const repo = repository();
  writeFileSync(join(repo, '.gitignore'), '*.x\n');
  mkdirSync(join(repo, DEEP), { recursive: true });
  writeFileSync(join(repo, DEEP, 'committed'), '');
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '-m', 'Rules');
  for (let at = 0; at < FILES; at += 1) writeFileSync(join(repo, DEEP, `f${at}.x`), '');
  const layout = await gitLayoutAt(repo);
  if (!layout) throw new Error('no repository');
  return layout;
}

/** @returns how many parts of long paths were made */
async function partsMadeBy(work: () => Promise<unknown>): Promise<number> {
  const slices = vi.spyOn(String.prototype, 'slice');
  await work();
  const lengths = slices.mock.contexts.map((text) => String(text).length);
  slices.mockRestore();
  return lengths.filter((length) => length >= DEEP.length && length < 2 * DEEP.length).length;
}

describe('many files in a folder nested deep', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('the folders on the way are not listed for each file', async () => {
    const layout = await scene();
    let chosen: readonly string[] = [];
    const parts = await partsMadeBy(async () => (chosen = await chosenFiles(layout, ['f*.x', 'a/**/f1.x'])));
    expect(chosen).toHaveLength(FILES);
    const more = await partsMadeBy(async () => {
      expect(await idlePatterns(layout, [], chosen)).toEqual([]);
      expect(await idlePatterns(layout, ['a/', 'f2.x', 'a/a', `${DEEP}f3.x`, 'nobody'], chosen)).toEqual(['nobody']);
    });
    expect(parts + more).toBeLessThan(10 * FILES);
  });

  it('each folder is made once', async () => {
    const layout = await scene();
    const folder = tempFolder();
    writeFileSync(join(folder, '.gitignore'), '*.x\n');
    const uses = new Map<string, number>();
    const warnings = await withGitView(layout, async (view) => {
      const to = (path: string): string => {
        uses.set(path, (uses.get(path) ?? 0) + 1);
        return view.paths.to(path);
      };
      const paths = { to, own: (path: string) => view.paths.own(path) } as typeof view.paths;
      return copyIgnored({ ...view, paths }, layout, folder, { copy: ['f*.x'], include: [] });
    });
    expect(warnings).toEqual([]);
    expect(uses.get(join(folder, DEEP, 'f1.x'))).toBeGreaterThan(0);
    expect(uses.get(join(folder, 'a/a'))).toBe(1);
  });
});
