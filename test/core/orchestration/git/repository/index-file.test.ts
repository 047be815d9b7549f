import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashBytes, readIndex } from '../../../../../src/core/orchestration/git/repository/index-file.js';
import { git, repository } from '../../../../support/git.js';
import { indexWith } from '../../../../support/git-index-file.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const HASH = '0123456789012345678901234567890123456789';
const GITLINK = 0o160000;

function indexFile(bytes: Buffer): string {
  const path = join(tempFolder(), 'index');
  writeFileSync(path, bytes);
  return path;
}

describe('an index of git', () => {
  it.each(['2', '3', '4'])('an index of version %s lists its nested repositories', async (version) => {
    const root = repository();
    mkdirSync(join(root, 'folder'));
    const nested = ['a', 'folder/b', `folder/${'long'.repeat(50)}`, 'z'];
    for (const name of nested) writeFileSync(join(root, `${name}.txt`), '');
    git(root, 'add', '.');
    for (const name of nested) git(root, 'update-index', '--add', '--cacheinfo', `160000,${HASH},${name}`);
    git(root, 'update-index', '--index-version', version);
    if (version === '3') git(root, 'update-index', '--skip-worktree', 'z.txt', 'a.txt');
    const { gitlinks, escapes, problem } = await readIndex(join(root, '.git/index'), 20);
    expect(gitlinks).toEqual(nested);
    expect({ escapes, problem }).toEqual({ escapes: [] });
  });

  it('the index of a repository with SHA-256 is read, too', async () => {
    const root = tempFolder();
    git(root, 'init', '--quiet', '--object-format=sha256');
    git(root, 'update-index', '--add', '--cacheinfo', `160000,${HASH.repeat(2).slice(0, 64)},nested`);
    const gitDir = join(root, '.git');
    const bytes = await hashBytes(gitDir);
    expect(await readIndex(join(gitDir, 'index'), bytes)).toEqual({ gitlinks: ['nested'], escapes: [] });
  });

  it.each(['.git/hooks/post-checkout', 'a/.GIT/config', '../outside', 'a/../../b', '/etc/x'])(
    'an index entry with a path that git must not write is reported: %s',
    async (name) => {
      const { escapes } = await readIndex(indexFile(indexWith(name, HASH, 0o100644)), 20);
      expect(escapes).toEqual([name]);
    },
  );

  it('an entry whose name is longer than stated does not hide the next entry', async () => {
    const hidden = indexWith('nested', HASH, GITLINK).subarray(12, -20);
    const first = indexWith('a', HASH, 0o100644).subarray(12, -20);
    first.fill('x', 62);
    const header = Buffer.from('DIRC\0\0\0\x02\0\0\0\x02', 'latin1');
    const { gitlinks } = await readIndex(indexFile(Buffer.concat([header, first, hidden])), 20);
    expect(gitlinks).toEqual(['nested']);
  });

  it.each([
    ['is empty', Buffer.alloc(0)],
    ['is another kind of file', Buffer.from('nothing at all')],
    ['ends too early', indexWith('a', HASH, GITLINK).subarray(0, 40)],
    ['has a name without an end', indexWith('a', HASH, GITLINK, 0xfff).subarray(0, 74)],
    ['claims four billion entries', Buffer.from('DIRC\0\0\0\x02\xff\xff\xff\xff', 'latin1')],
  ])('an index that %s has a problem', async (_, bytes) => {
    expect((await readIndex(indexFile(bytes), 20)).problem).toEqual(expect.any(String));
  });

  it('an index with more than 1,000 nested repositories has a problem', async () => {
    const entry = indexWith('a', HASH, GITLINK).subarray(12, -20);
    const header = Buffer.from('DIRC\0\0\0\x02\0\0\x10\0', 'latin1');
    const path = indexFile(Buffer.concat([header, ...Array<Buffer>(0x1000).fill(entry)]));
    expect((await readIndex(path, 20)).problem).toContain('1000');
  });
});
