import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, containersGone, git, type ModelTurn, repository, scripted, tempFolder, testManager } from './support.js';

/** The attacks here have to fail without the guard, too. */
const UNGUARDED = { policy: { dangerous: 'allow' } } as const;
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid';
const PLAN = '# Plan\n\n1. Say "hello" to {name} & \'others\' — $HOME\n2. Done: 漢字 🙂';

/** Where this library, and no agent, writes which session uses a worktree. */
const USE = /^\.git\/worktrees(\/\.autonomous-orchestration.*)?$/;

/** The whole content of a folder, byte for byte, with modes and times. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => !USE.test(name));
  const entries = names.sort().map(async (name): Promise<[string, string]> => {
    const path = join(folder, name);
    const { mode, mtimeMs } = await stat(path);
    const content = await readFile(path).then(
      (bytes) => createHash('sha256').update(bytes).digest('hex'),
      () => 'folder',
    );
    return [name, [mode.toString(8), mtimeMs, content].join(' ')];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Prints BREACH behind each command that does not fail. */
const tries = (...commands: string[]): ModelTurn =>
  bash(
    `${commands.map((command) => `{ ${command}; } 2>/dev/null && echo BREACH '${command.replaceAll("'", '')}'`).join('\n')}\ntrue`,
  );

/** The agent runs as root, so that only the mount can keep it from writing. */
const asRoot = (...turns: ModelTurn[]) => ({ docker: { ...scripted(...turns).docker, user: '0:0' } });

const GIT_WRITES = [
  `${IDENTITY} commit -q --allow-empty -m Planted`,
  'git branch planted',
  'git update-ref refs/heads/planted HEAD',
  'git tag planted',
  'git stash -q --include-untracked',
  'git config user.name Planted',
  'echo planted | git hash-object -w --stdin',
  'git gc -q --prune=now',
  'git worktree add -q /tmp/planted',
  'G=$(git rev-parse --absolute-git-dir); echo x > "$G/planted"',
  'G=$(git rev-parse --absolute-git-dir); echo "ref: refs/heads/planted" > "$G/HEAD"',
  'G=$(git rev-parse --git-common-dir); echo x > "$G/refs/heads/planted"',
  'G=$(git rev-parse --git-common-dir); mkdir "$G/objects/zz"',
  'G=$(git rev-parse --git-common-dir); echo x >> "$G/config"',
  'echo x > /workspace/.git/planted',
  'echo "gitdir: /tmp" > /workspace/.git',
  'rm /workspace/.git/refs/heads/main',
  'mv /workspace/.git /workspace/.git2',
];

describe('a planning session', () => {
  it('a planning session cannot change its workspace with any tool, and its last message is the plan', async () => {
    const { manager, stateDir } = await testManager(UNGUARDED);
    const cwd = await tempFolder(0);
    await mkdir(join(cwd, 'src'));
    await writeFile(join(cwd, 'src/code.ts'), 'const a = 1;\n');
    const before = await snapshot(cwd);
    const file_path = '/workspace/src/code.ts';
    const turns = [
      { tool: 'Read', input: { file_path } },
      { tool: 'Edit', input: { file_path, old_string: '1', new_string: '2' } },
      { tool: 'Write', input: { file_path: '/workspace/new.ts', content: 'x' } },
      { tool: 'NotebookEdit', input: { notebook_path: '/workspace/a.ipynb', new_source: 'x' } },
      tries(
        'echo x > /workspace/new.ts',
        'echo x >> /workspace/src/code.ts',
        'rm /workspace/src/code.ts',
        'mv /workspace/src /workspace/lib',
        'chmod 777 /workspace/src/code.ts',
        'touch /workspace/src/code.ts',
        'ln -s /etc /workspace/etc',
        'git init -q /workspace',
        'mount -o remount,rw /workspace',
        'umount /workspace',
      ),
      bash('echo scratch > /tmp/scratch && cat /tmp/scratch'),
      { text: PLAN },
    ];
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd, ...asRoot(...turns) });
    const { status, result, metadata } = await manager.waitFor(id);

    expect({ status, text: result?.text }).toEqual({ status: 'completed', text: PLAN });
    expect(metadata.toolsUsed.map(({ name, outcome }) => [name, outcome === 'ok'])).toEqual([
      ['Read', true],
      ['Edit', false],
      ['Write', false],
      ['NotebookEdit', false],
      ['Bash', true],
      ['Bash', true],
    ]);
    for (const [at, tool] of [
      [1, 'Edit'],
      [2, 'Write'],
      [3, 'NotebookEdit'],
    ] as const) {
      expect(outputs[at]).toMatch(new RegExp(`No such tool available: ${tool}`));
    }
    expect(outputs[4]).not.toContain('BREACH');
    expect(outputs[5]).toContain('scratch');
    expect(await snapshot(cwd)).toEqual(before);
    expect(result?.planFile).toBe(join(stateDir, 'sessions', id, 'plan.md'));
    expect(await readFile(result?.planFile ?? '', 'utf8')).toBe(PLAN);
    await containersGone({ id });
  });

  it.each(['a plain repository', 'a worktree'])('a planning session cannot change the git of %s', async (where) => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await repository();
    const worktree = `${cwd}-plan`;
    await git(cwd, 'worktree', 'add', '--quiet', '-b', 'plan', worktree);
    await writeFile(join(cwd, 'loose.txt'), 'x');
    await writeFile(join(worktree, 'loose.txt'), 'x');
    const before = [await snapshot(cwd), await snapshot(worktree)];
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));
    const { id } = await manager.create({
      mode: 'planning',
      prompt: 'Plan',
      cwd,
      ...(where === 'a worktree' && { worktree: 'plan' }),
      ...asRoot(bash('git log --format=%s; git status --short; git rev-parse HEAD'), tries(...GIT_WRITES), {
        text: PLAN,
      }),
    });
    const ended = await manager.waitFor(id);

    expect(ended).toMatchObject({ status: 'completed', metadata: { errors: [] } });
    // The session may read the git data.
    expect(outputs[0]).toBe(`First\n?? loose.txt\n${await git(cwd, 'rev-parse', 'main')}`);
    expect(outputs[1]).not.toContain('BREACH');
    expect([await snapshot(cwd), await snapshot(worktree)]).toEqual(before);
    expect(await git(cwd, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main\nrefs/heads/plan');
  });

  it('a continued planning session gives a new plan and still cannot change its workspace', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await tempFolder(0);
    const again = tries('echo x > /workspace/new.ts');
    const write = { tool: 'Write', input: { file_path: '/workspace/new.ts', content: 'x' } };
    const script = asRoot({ text: 'The first plan.' }, again, write, { text: 'A better plan.' });
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd, ...script });
    const first = await manager.waitFor(id);
    const { planFile = '' } = first.result ?? {};
    expect(await readFile(planFile, 'utf8')).toBe('The first plan.');
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));
    await manager.continue(id, 'Think of the tests, too.');
    const { status, result } = await manager.waitFor(id);
    expect({ status, result }).toMatchObject({ status: 'completed', result: { text: 'A better plan.', planFile } });
    expect(await readFile(planFile, 'utf8')).toBe('A better plan.');
    expect(outputs).toHaveLength(2);
    expect(outputs[0]).not.toContain('BREACH');
    expect(await readdir(cwd)).toEqual([]);
  });

  it('a planning session that fails stores no plan and keeps an earlier one', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    const script = scripted({ text: 'The plan.' }, bash('echo one'), bash('echo two'), { text: 'Never.' });
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd, ...script, maxTurns: 1 });
    const { result } = await manager.waitFor(id);
    await manager.continue(id, 'More.');
    const failed = await manager.waitFor(id);
    expect(failed).toMatchObject({ status: 'failed', result: { reason: 'max_turns' } });
    expect(failed.result).not.toHaveProperty('planFile');
    expect(await readFile(result?.planFile ?? '', 'utf8')).toBe('The plan.');
    await expect(manager.create({ parentId: id, cwd })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  });
});

describe('a plan', () => {
  it('a child session without its own prompt receives the plan unchanged', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    const plan = `---\nnot: "front matter"\n---\n${PLAN}\n\n@file.md /command !bash ${'long '.repeat(2_000)}end`;
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd, ...scripted({ text: plan }) });
    const { result } = await manager.waitFor(id);
    expect(result?.text).toBe(plan);

    const child = await manager.create({
      mode: 'autonomous',
      parentId: id,
      cwd,
      ...scripted(bash('touch /workspace/done'), { prompt: 'sha256' }),
    });
    const done = await manager.waitFor(child.id);
    const hash = createHash('sha256').update(plan).digest('hex');
    expect(done).toMatchObject({ status: 'completed', parentId: id, result: { text: `SHA256: ${hash}` } });
    expect(await readdir(cwd)).toContain('done');
    expect(manager.list({ parentId: id }).map((session) => session.id)).toEqual([child.id]);

    const own = await manager.create({ parentId: id, prompt: 'Mine', cwd, ...scripted({ prompt: 'sha256' }) });
    const { result: mine } = await manager.waitFor(own.id);
    expect(mine?.text).toBe(`SHA256: ${createHash('sha256').update('Mine').digest('hex')}`);
  });

  it('the folder of a plan is readable for its owner only', async () => {
    const { manager } = await testManager();
    const script = scripted({ text: PLAN });
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd: await tempFolder(), ...script });
    const { result } = await manager.waitFor(id);
    expect((await stat(dirname(result?.planFile ?? ''))).mode & 0o077).toBe(0);
  });
});
