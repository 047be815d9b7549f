import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateSessionOptions, UnifiedSession } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bash, casting, git, type ModelTurn, repository, tempFolder, testManager } from './support.js';

/** The attacks here have to fail without the guard, too. */
const UNGUARDED = { policy: { dangerous: 'allow' }, maxConcurrent: 5 } as const;
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid';

/** Each session plays the part whose name is its prompt. The repository belongs to root, so the sessions run as root, too. */
function inWorktrees(cwd: string, parts: Record<string, ModelTurn[]>) {
  const { docker } = casting(parts);
  return (prompt: string, options: Partial<CreateSessionOptions> = {}): CreateSessionOptions => ({
    mode: 'worktree',
    docker: { ...docker, user: '0:0' },
    prompt,
    cwd,
    ...options,
  });
}

/** A repository that is removed together with its worktrees. */
async function project(): Promise<string> {
  const cwd = await repository();
  onTestFinished(async () => {
    const parent = join(cwd, '..');
    for (const name of await readdir(parent)) await rm(join(parent, name), { recursive: true, force: true });
  });
  return cwd;
}

/** `count` commits with `count` lines each, and `count` loose files; an odd `count` also removes the only line there is. */
function work(count: number): ModelTurn[] {
  const commit = `${IDENTITY} commit -qm Work`;
  const lines = [
    'set -e',
    `for i in $(seq ${count}); do seq ${count} > file-$i; git add file-$i; ${commit}; done`,
    ...(count % 2 ? [`git rm -q README.md; ${IDENTITY} commit -q --amend --no-edit`] : []),
    `for i in $(seq ${count}); do echo loose > loose-$i; done`,
  ];
  return [bash(lines.join('\n')), { text: `Done ${count}.` }];
}

const ZERO = { commits: 0, files: 0, insertions: 0, deletions: 0, uncommitted: 0 };
const worktreeOf = ({ environment }: UnifiedSession): string => environment.worktree ?? '';

describe('sessions of mode worktree', () => {
  it('five sessions work on one repository at once, each on its own branch, and report their changes', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await project();
    const counts = [1, 2, 3, 4, 5];
    const parts = Object.fromEntries(counts.map((count) => [`Work ${count}`, work(count)]));
    const options = inWorktrees(cwd, { ...parts, Idle: [{ text: 'Nothing to do.' }] });
    const created = await Promise.all(counts.map((count) => manager.create(options(`Work ${count}`))));
    const ended = await Promise.all(created.map(({ id }) => manager.waitFor(id)));

    const base = await git(cwd, 'rev-parse', 'main');
    for (const [index, { id, status, result, environment, metadata }] of ended.entries()) {
      const count = counts[index] ?? 0;
      const removed = count % 2;
      expect({ status, errors: metadata.errors }).toEqual({ status: 'completed', errors: [] });
      expect(environment).toMatchObject({ cwd, branch: `session/${id}`, base });
      expect(result?.changes).toEqual({
        branch: `session/${id}`,
        base,
        commits: count,
        files: count + removed,
        insertions: count * count,
        deletions: removed,
        uncommitted: count,
      });
      expect(await git(cwd, 'rev-list', '--count', `main..session/${id}`)).toBe(`${count}`);
    }
    expect(new Set(ended.map(worktreeOf)).size).toBe(5);
    expect(await git(cwd, 'status', '--short')).toBe('');
    expect(await git(cwd, 'rev-parse', 'main')).toBe(base);

    const idle = await manager.create(options('Idle'));
    const { result } = await manager.waitFor(idle.id);
    expect(result?.changes).toEqual({ branch: `session/${idle.id}`, base, ...ZERO });
  });

  it('a worktree with work in it stays until the work is merged or its removal is forced', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await project();
    const options = inWorktrees(cwd, {
      Commits: [bash(`echo committed > new && git add new && ${IDENTITY} commit -qm Mine`), { text: 'x' }],
      Leaves: [bash('echo loose > loose.txt; echo changed > README.md'), { text: 'x' }],
      Idle: [{ text: 'x' }],
    });
    const run = async (prompt: string): Promise<UnifiedSession> =>
      manager.waitFor((await manager.create(options(prompt, { worktree: `feature/${prompt}` }))).id);
    const [commits, leaves, idle] = await Promise.all(['Commits', 'Leaves', 'Idle'].map(run));
    if (!commits || !leaves || !idle) throw new Error('there are three');
    expect(commits.environment.branch).toBe('feature/Commits');
    for (const { id } of [commits, leaves]) {
      await expect(manager.removeWorktree(id)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
    }
    expect(await readFile(join(worktreeOf(commits), 'new'), 'utf8')).toBe('committed\n');
    expect(await readFile(join(worktreeOf(leaves), 'loose.txt'), 'utf8')).toBe('loose\n');
    expect(await readFile(join(worktreeOf(leaves), 'README.md'), 'utf8')).toBe('changed\n');

    expect((await manager.removeWorktree(idle.id)).environment.worktree).toBeUndefined();
    await manager.removeWorktree(leaves.id, { force: true });
    await manager.removeWorktree(commits.id, { force: true });
    for (const session of [commits, leaves, idle]) expect(existsSync(worktreeOf(session))).toBe(false);
    expect(await git(cwd, 'log', '--format=%s', 'feature/Commits')).toBe('Mine\nFirst');
    // Work that is merged cannot be lost.
    const merged = await run('Commits');
    await git(cwd, 'merge', '--quiet', '--ff-only', 'feature/Commits');
    await manager.removeWorktree(merged.id);
    expect(existsSync(worktreeOf(merged))).toBe(false);
  });

  it('a session that is continued reports the changes of all its runs', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await project();
    const commit = (name: string): ModelTurn =>
      bash(`echo ${name} > ${name} && git add ${name} && ${IDENTITY} commit -qm ${name}`);
    const turns = [commit('one'), { text: '1' }, commit('two'), { text: '2' }, commit('three'), { text: '3' }];
    const { id } = await manager.create(inWorktrees(cwd, { Work: turns })('Work'));
    const { result, environment } = await manager.waitFor(id);
    expect(result?.changes).toMatchObject({ commits: 1, files: 1 });
    // A commit that somebody else makes in the repository is not counted for the session.
    await writeFile(join(cwd, 'later.txt'), 'x\n');
    await git(cwd, 'add', '.');
    await git(cwd, 'commit', '--quiet', '--message', 'Meanwhile');
    await manager.continue(id, 'More.');
    const second = await manager.waitFor(id);
    expect(second.result?.changes).toMatchObject({ base: environment.base, commits: 2, files: 2, insertions: 2 });
    // The same holds in a worktree that is created again.
    await manager.removeWorktree(id, { force: true });
    await manager.continue(id, 'More.');
    const third = await manager.waitFor(id);
    expect(third.result?.changes).toMatchObject({ base: environment.base, commits: 3, files: 3, uncommitted: 0 });
  });

  it('a session of mode worktree is refused if there is no repository', async () => {
    const { manager } = await testManager();
    const options = inWorktrees(await tempFolder(), {})('Work');
    await expect(manager.create(options)).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(manager.list()).toEqual([]);
  });
});

describe('an agent that breaks its repository', () => {
  const COMMIT = `echo one > one && git add one && ${IDENTITY} commit -qm One`;

  it.each([
    ['deletes its branch', 'rm "$(git rev-parse --git-common-dir)/refs/heads/work"'],
    ['writes garbage into its branch', 'echo garbage > "$(git rev-parse --git-common-dir)/refs/heads/work"'],
    ['writes garbage into its HEAD', 'echo garbage > "$(git rev-parse --git-dir)/HEAD"'],
    [
      'replaces its HEAD by a FIFO',
      // Claude Code reads HEAD in its own time, and would wait. So a process answers it, and ends with the container.
      `H="$(git rev-parse --git-dir)/HEAD"; rm "$H"; mkfifo "$H"
      H="$H" setsid sh -c 'while :; do echo "ref: refs/heads/work" > "$H"; sleep 0.1; done' > /dev/null 2>&1 < /dev/null &`,
    ],
    ['writes garbage into its index', 'echo garbage > "$(git rev-parse --git-dir)/index"'],
    ['removes the objects of the repository', 'rm -rf "$(git rev-parse --git-common-dir)"/objects/??'],
    [
      'leaves more files than the manager reads',
      `name=$(head -c 200 /dev/zero | tr '\\0' x); seq 6000 | sed "s/$/-$name/" | xargs touch`,
    ],
  ])('a session completes and reports no changes if its agent %s', async (_, command) => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await project();
    // A script file, because Claude Code itself refuses some such commands.
    const script = { tool: 'Write', input: { file_path: '/tmp/break.sh', content: `${COMMIT}\n${command}\n` } };
    const options = inWorktrees(cwd, { Break: [script, bash('sh /tmp/break.sh && echo broken'), { text: 'Sorry.' }] });
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));
    const { id } = await manager.create(options('Break', { worktree: 'work' }));
    const { status, result, metadata } = await manager.waitFor(id);
    expect(outputs[1]).toContain('broken');
    expect({ status, text: result?.text, reason: result?.reason }).toEqual({
      status: 'completed',
      text: 'Sorry.',
      reason: 'success',
    });
    expect(result).not.toHaveProperty('changes');
    expect(metadata.errors).toMatchObject([{ code: 'no_conclusion', severity: 'warning' }]);
    await expect(manager.removeWorktree(id)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
  });

  it('nothing that an agent plants in its repository is executed on the machine', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await project();
    const proof = join(await tempFolder(0), 'ran');
    const plant = [
      COMMIT,
      `run="touch ${proof}; cat"`,
      'for key in diff.external core.fsmonitor core.pager filter.evil.clean filter.evil.process diff.evil.textconv; do',
      '  git config $key "$run"; git config --worktree $key "$run"; git config --global $key "$run"',
      'done 2>/dev/null',
      'printf "* filter=evil diff=evil\\n" > .gitattributes',
      'G=$(git rev-parse --git-common-dir)',
      'for hook in post-index-change post-checkout reference-transaction; do',
      '  { printf "#!/bin/sh\\n$run\\n" > "$G/hooks/$hook"; chmod +x "$G/hooks/$hook"; } 2>/dev/null',
      'done',
      'printf "#!/bin/sh\\n$run\\n" > git; chmod +x git',
      'echo two >> one',
      'true',
    ].join('\n');
    const script = { tool: 'Write', input: { file_path: '/tmp/plant.sh', content: plant } };
    const options = inWorktrees(cwd, { Plant: [script, bash('sh /tmp/plant.sh'), { text: 'x' }] });
    const { id } = await manager.create(options('Plant', { worktree: 'work' }));
    const { status, result } = await manager.waitFor(id);
    expect(status).toBe('completed');
    expect(result?.changes).toMatchObject({ commits: 1, files: 1, insertions: 1, deletions: 0, uncommitted: 3 });
    await expect(manager.removeWorktree(id)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
    await manager.removeWorktree(id, { force: true });
    expect(existsSync(proof)).toBe(false);
  });
});
