import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { TreeCopy } from '../../../../../src/core/orchestration/git/worktrees/copied-tree.js';
import { CopyBudget, type CopyLimits } from '../../../../../src/core/orchestration/git/worktrees/copy-budget.js';
import { withLinkFreePaths } from '../../../../../src/core/orchestration/util/fs/link-free-paths.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const LIMITS: CopyLimits = { files: 1_000, bytes: 1_000_000, durationMs: 60_000 };

/** How many entries folders gave at once. */
const read = vi.hoisted(() => ({ sizes: [] as number[] }));

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const readdir = async (...args: unknown[]): Promise<unknown> => {
    const entries = await (fs.readdir as (...args: unknown[]) => Promise<unknown[]>)(...args);
    read.sizes.push(entries.length);
    return entries;
  };
  return { ...fs, readdir };
});

/** A folder to copy from, and one to copy to. */
function scene(): { from: string; to: string } {
  const from = join(tempFolder(), 'source');
  mkdirSync(from);
  return { from, to: join(tempFolder(), 'copy') };
}

async function copy(from: string, to: string, limits = LIMITS): Promise<string[]> {
  return withLinkFreePaths(async (paths) => {
    const tree = new TreeCopy({ paths, owner: undefined }, new CopyBudget(limits), from);
    await tree.entry(from, to);
    return tree.leftOut;
  });
}

describe('a folder that an agent filled', () => {
  it('is read only until the limit, and nothing in it is copied', async () => {
    const { from, to } = scene();
    execFileSync('sh', ['-c', `seq -f ${'n'.repeat(100)}%.0f 20000 | xargs touch`], { cwd: from });
    read.sizes = [];
    await expect(copy(from, to)).rejects.toThrow('more than 1000 files');
    expect([Math.max(0, ...read.sizes), existsSync(to)]).toEqual([0, false]);
  });

  it('is copied as a whole within the limit', async () => {
    const { from, to } = scene();
    execFileSync('sh', ['-c', `seq -f ${'n'.repeat(100)}%.0f 20000 | xargs touch`], { cwd: from });
    await copy(from, to, { ...LIMITS, files: 20_001 });
    expect(execFileSync('diff', ['-rq', from, to], { encoding: 'utf8' })).toBe('');
  });
});
