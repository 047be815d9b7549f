import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { TreeCopy } from '../../../../../src/core/orchestration/git/worktrees/copied-tree.js';
import { CopyBudget, type CopyLimits } from '../../../../../src/core/orchestration/git/worktrees/copy-budget.js';
import { folderEntries } from '../../../../../src/core/orchestration/util/fs/folder-entries.js';
import { withLinkFreePaths } from '../../../../../src/core/orchestration/util/fs/link-free-paths.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const LIMITS: CopyLimits = { files: 1_000, bytes: 1_000_000, durationMs: 60_000 };

const read = vi.hoisted(() => ({
  /** How many entries folders gave at once. */
  sizes: [] as number[],
  /** For a path with this end, too many files are open. */
  full: undefined as string | undefined,
}));

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const readdir = async (...args: unknown[]): Promise<unknown> => {
    const entries = await (fs.readdir as (...args: unknown[]) => Promise<unknown[]>)(...args);
    read.sizes.push(entries.length);
    return entries;
  };
  const open: typeof fs.open = async (path, ...rest) => {
    if (read.full === undefined || !String(path).endsWith(read.full)) return fs.open(path, ...rest);
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  };
  return { ...fs, readdir, open };
});

/** A folder to copy from, and one to copy to. */
function scene(): { from: string; to: string } {
  const from = join(tempFolder(), 'source');
  mkdirSync(from);
  return { from, to: join(tempFolder(), 'copy') };
}

/** @param watch is called whenever a place for a copy is determined */
async function copy(from: string, to: string, limits = LIMITS, watch = () => {}): Promise<string | undefined> {
  return withLinkFreePaths(async (real) => {
    const watched = (path: string): string => {
      watch();
      return real.to(path);
    };
    const paths = { to: watched } as typeof real;
    const tree = new TreeCopy({ paths, owner: undefined }, new CopyBudget(limits), from);
    await tree.entry(from, to);
    return tree.leftOut.first;
  });
}

describe('a folder that an agent filled', () => {
  it('with more entries than the limit is refused before anything in it is copied', async () => {
    const { from, to } = scene();
    execFileSync('sh', ['-c', 'seq 101 | xargs touch'], { cwd: from });
    await expect(copy(from, to, { ...LIMITS, files: 100 })).rejects.toThrow('more than 100 files');
    expect(existsSync(to)).toBe(false);
  });

  it('is read in slices if it reports a large size', async () => {
    const { from } = scene();
    execFileSync('sh', ['-c', 'seq 600 | xargs touch'], { cwd: from });
    read.sizes = [];
    const slices: number[] = [];
    for await (const slice of folderEntries(from, 300_000)) slices.push(slice.length);
    expect([slices, read.sizes]).toEqual([[256, 256, 88], []]);
  });
});

describe.skipIf(process.platform !== 'linux')('open files', () => {
  it('only one of many folders that are nested deep is followed at a time', async () => {
    const { from, to } = scene();
    for (let at = 0; at < 16; at += 1) mkdirSync(join(from, `${at}`, 'd/'.repeat(100)), { recursive: true });
    const count = (): number => readdirSync('/proc/self/fd').length;
    const before = count();
    let most = 0;
    const watch = (): void => {
      most = Math.max(most, count() - before);
    };
    expect(await copy(from, to, { ...LIMITS, files: 2_000 }, watch)).toBeUndefined();
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThan(300);
    expect(execFileSync('diff', ['-rq', from, to], { encoding: 'utf8' })).toBe('');
  });

  it.each(['file', 'folder'])('a %s is not left out because too many files are open', async (name) => {
    const { from, to } = scene();
    mkdirSync(join(from, 'folder'));
    writeFileSync(join(from, 'file'), '');
    read.full = `/${name}`;
    try {
      await expect(copy(from, to)).rejects.toThrow('too many open files');
    } finally {
      read.full = undefined;
    }
  });

  it('when a copy fails, nothing goes on that has begun', async () => {
    const { from, to } = scene();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(from, name, 'd/'.repeat(20)), { recursive: true });
    writeFileSync(join(from, 'a/full'), '');
    read.full = '/full';
    let uses = 0;
    try {
      await expect(copy(from, to, LIMITS, () => void uses++)).rejects.toThrow('too many open files');
    } finally {
      read.full = undefined;
    }
    const atTheEnd = uses;
    await copy(join(from, 'b'), `${to}-b`);
    expect(uses).toBe(atTheEnd);
  });
});
