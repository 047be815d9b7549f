import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyTree, TreeCopy } from '../../../../../src/core/orchestration/git/worktrees/copied-tree.js';
import { CopyBudget } from '../../../../../src/core/orchestration/git/worktrees/copy-budget.js';
import { inWords } from '../../../../../src/core/orchestration/util/fs/in-words.js';
import { withLinkFreePaths } from '../../../../../src/core/orchestration/util/fs/link-free-paths.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const LIMITS = { files: 100, bytes: 1_000, durationMs: 60_000 };
const OWNER = { uid: 1234, gid: 1234 };

/** Copies a file or folder between two folders, as root for a user. @returns what was left out */
async function copied(from: string, to: string, name: string): Promise<string> {
  return withLinkFreePaths(async (paths) => {
    const copy = new TreeCopy({ paths, owner: OWNER }, new CopyBudget(LIMITS), from);
    await copy.entry(join(from, name), join(to, name));
    return copy.leftOut.inWords(from);
  });
}

/** A folder of the user, with a folder `closed` of root in it. */
function scene() {
  const [from, to] = [tempFolder(), tempFolder()];
  mkdirSync(join(from, 'own/closed/deep'), { recursive: true });
  for (const name of ['own/file', 'own/closed/secret', 'own/closed/deep/secret']) writeFileSync(join(from, name), 'x');
  symlinkSync('file', join(from, 'own/link'));
  execFileSync('chown', ['-hR', '1234:1234', from]);
  execFileSync('chown', ['0:0', join(from, 'own/closed')]);
  chmodSync(join(from, 'own/closed'), 0o700);
  return { from, to };
}

it('of what is left out, the first few are named and the others are counted', async () => {
  const [from, to] = [tempFolder(), tempFolder()];
  mkdirSync(join(from, 'many'));
  for (let at = 0; at < 9; at += 1) symlinkSync('/elsewhere', join(from, `many/${at}`));
  const words = await withLinkFreePaths(async (paths) => {
    const copy = new TreeCopy({ paths, owner: undefined }, new CopyBudget(LIMITS), from);
    await copy.entry(join(from, 'many'), join(to, 'many'));
    return copy.leftOut.inWords(from);
  });
  expect(words.match(/a link to \/elsewhere/g)).toHaveLength(5);
  expect(words).toContain(', and 4 more.');
});

describe.skipIf(process.getuid?.() !== 0)('copies that root makes for a user', () => {
  it('a folder that the user could not enter is left out', async () => {
    const { from, to } = scene();
    expect(await copied(from, to, 'own')).toContain("own/closed (the repository's owner may not read it)");
    expect(existsSync(join(to, 'own/closed'))).toBe(false);
    expect(readFileSync(join(to, 'own/file'), 'utf8')).toBe('x');
  });

  it('a file behind a folder that the user could not pass is left out', async () => {
    const { from, to } = scene();
    mkdirSync(join(to, 'own/closed/deep'), { recursive: true });
    expect(await copied(from, to, 'own/closed/deep/secret')).toContain('own/closed is closed to its owner');
    expect(existsSync(join(to, 'own/closed/deep/secret'))).toBe(false);
  });

  it('files and links that are there already do not get another owner', async () => {
    const { from, to } = scene();
    mkdirSync(join(to, 'own'));
    writeFileSync(join(to, 'own/file'), 'of root');
    symlinkSync('/of/root', join(to, 'own/link'));
    await copied(from, to, 'own');
    expect(['file', 'link'].map((name) => lstatSync(join(to, 'own', name)).uid)).toEqual([0, 0]);
    expect(readFileSync(join(to, 'own/file'), 'utf8')).toBe('of root');
  });

  it('new files and links belong to the user', async () => {
    const { from, to } = scene();
    await copied(from, to, 'own');
    expect(['.', 'file', 'link'].map((name) => lstatSync(join(to, 'own', name)).uid)).toEqual([1234, 1234, 1234]);
  });
});

/** Copies while an agent exchanges two folders. @param when the number of the path before whose use it does that */
async function whileExchanging(from: string, to: string, name: string, exchange: () => void, when: number) {
  return withLinkFreePaths(async (paths) => {
    let uses = 0;
    const racing = {
      to: (path: string) => {
        if (++uses === when) exchange();
        return paths.to(path);
      },
    } as typeof paths;
    const copy = new TreeCopy({ paths: racing, owner: OWNER }, new CopyBudget(LIMITS), from);
    await copy.entry(join(from, name), join(to, name));
  });
}

describe.skipIf(process.getuid?.() !== 0)('an agent that exchanges folders while root copies', () => {
  it.each(['own', 'own/open', 'own/open/secret'])('gets nothing out of a folder closed to it: %s', async (name) => {
    for (let when = 1; when <= 12; when += 1) {
      const { from, to } = scene();
      mkdirSync(join(from, 'own/open'));
      writeFileSync(join(from, 'own/open/secret'), 'mine');
      execFileSync('chown', ['-R', '1234:1234', join(from, 'own/open')]);
      mkdirSync(join(to, 'own/open'), { recursive: true });
      const exchange = (): void => {
        renameSync(join(from, 'own/open'), join(from, 'own/aside'));
        renameSync(join(from, 'own/closed'), join(from, 'own/open'));
        renameSync(join(from, 'own/aside'), join(from, 'own/closed'));
      };
      await whileExchanging(from, to, name, exchange, when);
      const secrets = spawnSync('grep', ['-rlx', 'x', '--include=secret', to], { encoding: 'utf8' }).stdout;
      expect([when, secrets]).toEqual([when, '']);
    }
  });
});

it.skipIf(process.getuid?.() !== 0)('a full disk is reported with the path of the file that has no room', async () => {
  const [from, to] = [tempFolder(), tempFolder()];
  writeFileSync(join(from, 'large'), Buffer.alloc(1024 * 1024, 1));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', to]);
  try {
    const error = await withLinkFreePaths((paths) =>
      copyTree({ paths, owner: undefined }, join(from, 'large'), join(to, 'large')),
    ).catch((cause: unknown) => cause);
    expect(inWords(error)).toBe(`"${to}/large" cannot be used: the disk is full`);
  } finally {
    execFileSync('umount', [to]);
  }
});
