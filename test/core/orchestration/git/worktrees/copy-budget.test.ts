import { mkdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TreeCopy } from '../../../../../src/core/orchestration/git/worktrees/copied-tree.js';
import { CopyBudget, type CopyLimits } from '../../../../../src/core/orchestration/git/worktrees/copy-budget.js';
import { withLinkFreePaths } from '../../../../../src/core/orchestration/util/fs/link-free-paths.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const LIMITS: CopyLimits = { files: 1_000, bytes: 1_000_000, durationMs: 60_000 };

/** A folder to copy from, and one to copy to. */
function scene(): { from: string; to: string } {
  const from = join(tempFolder(), 'source');
  mkdirSync(from);
  return { from, to: join(tempFolder(), 'copy') };
}

async function copy(from: string, to: string, budget: CopyBudget): Promise<string | undefined> {
  return withLinkFreePaths(async (paths) => {
    const tree = new TreeCopy({ paths, owner: undefined }, budget, from);
    await tree.entry(from, to);
    return tree.leftOut.first;
  });
}

describe('the limits of a copy', () => {
  it('a file that grows after it was counted does not exceed the limit', async () => {
    const { from, to } = scene();
    writeFileSync(join(from, 'file'), 'content');
    const budget = new (class extends CopyBudget {
      override content(bytes: number): void {
        super.content(bytes);
        truncateSync(join(from, 'file'), 10 * LIMITS.bytes);
      }
    })(LIMITS);
    const isRefused = await copy(from, to, budget).then(
      () => false,
      (error: Error) => error.message.includes('more than 1000000 bytes'),
    );
    // Only a file system that shares the content of two files copies more, and that counts.
    expect(isRefused || statSync(join(to, 'file')).size).toBe(isRefused || 'content'.length);
  });

  it('a long file is given up when the time is over', async () => {
    const { from, to } = scene();
    writeFileSync(join(from, 'file'), '');
    truncateSync(join(from, 'file'), 20 * 1024 * 1024);
    let calls = 0;
    const budget = new (class extends CopyBudget {
      override goOn(): void {
        calls += 1;
      }
    })({ ...LIMITS, bytes: Number.POSITIVE_INFINITY });
    await copy(from, to, budget);
    const { size, blocks } = statSync(join(to, 'file'));
    expect(size).toBe(20 * 1024 * 1024);
    // A file system that shares the content of two files does that at once, and a hole stays one.
    expect(blocks === 0 || calls >= 20).toBe(true);
  });

  it('a file gets all of its content, and keeps its time', async () => {
    const { from, to } = scene();
    const content = Buffer.alloc(3 * 1024 * 1024 + 5, 'abc');
    writeFileSync(join(from, 'file'), content);
    writeFileSync(join(from, 'empty'), '');
    utimesSync(join(from, 'file'), 1_000, 2_000);
    expect(await copy(from, to, new CopyBudget({ ...LIMITS, bytes: content.length }))).toBeUndefined();
    expect([statSync(join(to, 'file')).mtimeMs, statSync(join(to, 'empty')).size]).toEqual([2_000_000, 0]);
    expect(content.equals(readFileSync(join(to, 'file')))).toBe(true);
  });
});
