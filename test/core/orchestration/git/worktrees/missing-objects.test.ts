import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { gitLayoutAt } from '../../../../../src/core/orchestration/git/repository/layout.js';
import { withGitView } from '../../../../../src/core/orchestration/git/repository/view.js';
import { requireObjects } from '../../../../../src/core/orchestration/git/worktrees/missing-objects.js';
import { git, repository } from '../../../../support/git.js';

it('a partial clone whose commit has hundreds of thousands of files in two small folders is refused', async () => {
  const repo = repository();
  const tree = (kind: string, object: string): string => {
    const input = Array.from({ length: 560 }, (_, name) => `${kind} ${object}\t${name}\n`).join('');
    return execFileSync('git', ['-C', repo, 'mktree', '--missing'], { input, encoding: 'utf8' }).trim();
  };
  const root = tree('040000 tree', tree('100644 blob', '1'.repeat(40)));
  const commit = git(repo, 'commit-tree', root, '-m', 'Many').trim();
  git(repo, 'config', 'extensions.partialclone', 'origin');
  git(repo, 'config', 'core.sparsecheckout', 'true');
  mkdirSync(join(repo, '.git/info'), { recursive: true });
  writeFileSync(join(repo, '.git/info/sparse-checkout'), '/*\n');
  const layout = await gitLayoutAt(repo);
  if (!layout) throw new Error('no repository');
  const required = withGitView(layout, (view) => requireObjects(view, commit, { branch: 'one', path: `${repo}-one` }));
  await expect(required).rejects.toThrow('more than 300000 files');
});
