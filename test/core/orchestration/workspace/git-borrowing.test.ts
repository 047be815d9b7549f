import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Worktrees } from '../../../../src/core/orchestration/workspace/worktrees.js';
import { git } from '../../../support/git.js';
import { BORROWING_ATTACKS, borrowingScene, SECRET } from '../../../support/git-borrowing.js';

/** What the worktree of the branch has of the private repository. */
function leaked(repo: string): string | undefined {
  const path = join(`${repo}-leak`, 'secret.txt');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

describe('a private repository that an agent leads git to', () => {
  it.each(BORROWING_ATTACKS)('is checked out by git itself, and refused by a worktree: $name', async (attack) => {
    const scene = borrowingScene(attack);
    attack.plant(scene);
    const worktrees = new Worktrees();
    await expect(worktrees.ensure(scene.repo, { branch: 'leak' })).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(existsSync(`${scene.repo}-leak`)).toBe(false);
    git(scene.repo, 'worktree', 'add', '--quiet', `${scene.repo}-leak`, 'leak');
    expect(leaked(scene.repo), 'the attack works').toBe(`${SECRET}\n`);
  });

  it.each(BORROWING_ATTACKS)('does not get into a worktree that is being made: $name', async (attack) => {
    const scene = borrowingScene(attack);
    // Everything has been checked by then, and git was not run yet.
    const plant = async (): Promise<void> => attack.plant(scene);
    await new Worktrees().ensure(scene.repo, { branch: 'leak' }, plant).catch(() => {});
    expect(leaked(scene.repo)).toBeUndefined();
    git(scene.repo, 'cat-file', '-e', scene.commit);
  });

  it('does not get into a worktree by a variable of the process', async () => {
    const scene = borrowingScene({ name: '', plant: () => {} });
    vi.stubEnv('GIT_ALTERNATE_OBJECT_DIRECTORIES', join(scene.priv, 'objects'));
    git(scene.repo, 'update-ref', 'refs/heads/leak', scene.commit);
    const made = new Worktrees().ensure(scene.repo, { branch: 'leak' });
    await made.catch(() => {});
    vi.unstubAllEnvs();
    await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(leaked(scene.repo)).toBeUndefined();
  });
});
