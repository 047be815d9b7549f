import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CreateSessionOptions } from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import { plantedSince, snapshotGit } from '../../src/core/orchestration/git/watch/snapshot.js';
import { bash, git, repository, scripted, testManager } from './support.js';

const AS_HOST_USER = { user: '0:0' };
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid';

/** Makes a checkout, or a folder of one, and says where a session is to begin. */
const LAYOUTS: Readonly<Record<string, (top: string) => Promise<string>>> = {
  'a folder of a repository': async (top) => folderOf(top),
  'a folder of a linked worktree': async (top) => folderOf(await worktreeOf(top)),
  'a worktree with relative pointers both ways': async (top) => {
    const tree = await worktreeOf(top);
    await writeFile(join(tree, '.git'), 'gitdir: ../project/.git/worktrees/tree\n');
    await writeFile(join(top, '.git/worktrees/tree/gitdir'), '../../../../tree/.git\n');
    return tree;
  },
  'a submodule': async (top) => submoduleOf(top),
  'a worktree of a submodule': async (top) => worktreeOf(await submoduleOf(top)),
  'a worktree in which git has initialised a submodule': async (top) => {
    await submoduleOf(top);
    await git(top, 'commit', '--quiet', '--message', 'Submodule');
    const tree = await worktreeOf(top);
    await git(tree, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'update', '--init');
    return tree;
  },
  'a git folder elsewhere': async (top) => {
    const gitDir = join(dirname(top), 'data.git');
    await rename(join(top, '.git'), gitDir);
    await writeFile(join(top, '.git'), `gitdir: ${gitDir}\n`);
    await git(top, 'config', 'core.worktree', top);
    return top;
  },
  'a worktree of a bare repository': async (top) => {
    const hub = join(dirname(top), 'hub');
    await git(top, 'clone', '--quiet', '--bare', top, join(hub, '.bare'));
    await writeFile(join(hub, '.git'), 'gitdir: ./.bare\n');
    await git(hub, 'worktree', 'add', '--quiet', '-b', 'tree', 'tree');
    return join(hub, 'tree');
  },
  'objects with long names': async (top) => {
    const other = join(dirname(top), 'sha256');
    await git(top, 'init', '--quiet', '--object-format=sha256', other);
    return firstCommit(other);
  },
  'a name with anything in it': async (top) => {
    const path = join(dirname(top), '-a b,"c\'ü');
    await rename(top, path);
    return folderOf(path, '-o p,t');
  },
};

async function firstCommit(folder: string): Promise<string> {
  await writeFile(join(folder, 'README.md'), '# Project\n');
  await git(folder, 'add', '.');
  await git(folder, 'commit', '--quiet', '--message', 'First');
  return folder;
}

async function folderOf(top: string, name = 'packages/a'): Promise<string> {
  const folder = join(top, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'index.js'), '1\n');
  await git(top, 'add', '.');
  await git(top, 'commit', '--quiet', '--message', 'Package');
  return folder;
}

async function worktreeOf(top: string): Promise<string> {
  const tree = join(dirname(top), 'tree');
  await git(top, 'worktree', 'add', '--quiet', '-b', 'tree', tree);
  return tree;
}

async function submoduleOf(top: string): Promise<string> {
  const source = join(dirname(top), 'source');
  await git(top, 'clone', '--quiet', top, source);
  await git(top, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', source, 'sub');
  return join(top, 'sub');
}

/** What an agent could do to have git on the machine execute something. All of it has to fail, or to stay in the container. */
const ATTACKS = [
  'G=$(git rev-parse --absolute-git-dir)',
  'C=$(cd "$G" && cd "$(cat commondir)" && pwd)',
  'R=$(readlink -f "$C/refs/..")',
  'for F in "$G/commondir" "$G/gitdir" "$G/config.worktree" "$R/config" "$R/objects/info/alternates"; do echo /tmp > "$F" && echo BREACH "$F"; rm -f "$F" && echo BREACH removed "$F"; mv "$F" "$F.2" && echo BREACH moved "$F"; done',
  'T=$(git rev-parse --show-toplevel)',
  'mv "$T/.git" "$T/.git2" && echo BREACH moved .git',
  'rm -f "$T/.git" && echo BREACH removed .git',
  'git config core.fsmonitor "touch /tmp/planted; false"; git config core.worktree /tmp; git config include.path /tmp/evil',
  'git config --unset core.fsmonitor; git config --unset core.worktree; git config --unset include.path',
].join('\n');

/** Runs a session in each place at the same time. */
async function inEach(
  places: readonly string[],
  options: Partial<CreateSessionOptions>,
): Promise<{ cwd: string; output: string; status: string; changes: unknown; remove: () => Promise<unknown> }[]> {
  const { manager } = await testManager({ maxConcurrent: 4, maxQueued: 50, policy: { dangerous: 'allow' } });
  const outputs = new Map<string, string>();
  manager.on('session:tool-result', ({ sessionId, output }) => {
    outputs.set(sessionId, `${outputs.get(sessionId) ?? ''}${output}\n`);
  });
  const sessions = await Promise.all(places.map((cwd) => manager.create({ prompt: 'Work', cwd, ...options })));
  return Promise.all(
    sessions.map(async ({ id }, index) => {
      const { status, result } = await manager.waitFor(id);
      const [cwd = '', output = ''] = [places[index], outputs.get(id)];
      return { cwd, output, status, changes: result?.changes, remove: () => manager.remove(id, { force: true }) };
    }),
  );
}

describe('the layouts of repositories that git knows', () => {
  it('a session commits in each layout, in the folder that was given, and cannot make git on the machine execute anything', async () => {
    const names = Object.keys(LAYOUTS);
    const places = await Promise.all(Object.values(LAYOUTS).map(async (make) => make(await repository())));
    const prefixes = await Promise.all(places.map((cwd) => git(cwd, 'rev-parse', '--show-prefix')));
    const branches = await Promise.all(places.map((cwd) => git(cwd, 'symbolic-ref', '--short', 'HEAD')));
    const snapshots = await Promise.all(places.map((cwd) => snapshotGit(cwd)));
    const { docker } = scripted(
      bash(
        'git status --short; echo prefix=$(git rev-parse --show-prefix); echo branch=$(git symbolic-ref --short HEAD)',
      ),
      { tool: 'Write', input: { file_path: '/tmp/attack.sh', content: ATTACKS } },
      bash('sh /tmp/attack.sh 2>/dev/null; echo attacked'),
      bash(
        `echo new > new.txt; git add new.txt && ${IDENTITY} commit -qm Inside && git status --short && echo committed`,
      ),
      { text: 'ok' },
    );
    const ended = await inEach(places, { docker: { ...docker, ...AS_HOST_USER } });
    for (const [index, { cwd, output, status }] of ended.entries()) {
      const name = names[index] ?? '';
      expect(status, name).toBe('completed');
      expect(output, name).not.toContain('BREACH');
      expect(output, name).toContain(`prefix=${prefixes[index]}\n`);
      expect(output, name).toContain(`branch=${branches[index]}\n`);
      expect(output, name).toContain('attacked\n');
      expect(output, name).toMatch(/committed\n$/);
      expect(await git(cwd, 'log', '-1', '--format=%s'), name).toBe('Inside');
      expect(await git(cwd, 'status', '--short', '.'), name).toBe('');
      expect(await git(cwd, 'ls-files'), name).toContain('new.txt');
      const snapshot = snapshots[index];
      expect(snapshot && (await plantedSince(snapshot)), name).toEqual([]);
    }
  });

  it('a worktree session begins in the folder that was given, reports its commit, and its worktree is removed', async () => {
    const cwd = await folderOf(await repository());
    const { docker } = scripted(
      bash(`pwd; git rev-parse --show-prefix; echo new > new.txt; git add . && ${IDENTITY} commit -qm Inside`),
      { text: 'ok' },
    );
    const options = { mode: 'worktree', worktree: 'topic', docker: { ...docker, ...AS_HOST_USER } } as const;
    const [ended] = await inEach([cwd], options);
    expect(ended?.output).toBe('/workspace/packages/a\npackages/a/\n');
    expect(ended?.changes).toMatchObject({ commits: 1, files: 1, insertions: 1, uncommitted: 0 });
    expect(await git(cwd, 'show', '--format=', '--name-only', 'topic')).toBe('packages/a/new.txt');
    await ended?.remove();
    expect(await git(cwd, 'worktree', 'list')).not.toContain('topic');
  });

  it('planning sessions read git in each layout, and cannot write', async () => {
    const names = Object.keys(LAYOUTS);
    const places = await Promise.all(Object.values(LAYOUTS).map(async (make) => make(await repository())));
    const prefixes = await Promise.all(places.map((cwd) => git(cwd, 'rev-parse', '--show-prefix')));
    const { docker } = scripted(
      bash(
        'git status --short && echo prefix=$(git rev-parse --show-prefix) && git log -1 --format=%h >/tmp/h && echo seen; git branch x 2>/dev/null || echo refused',
      ),
      { text: 'The plan' },
    );
    const ended = await inEach(places, { mode: 'planning', docker: { ...docker, ...AS_HOST_USER } });
    for (const [index, { output, status }] of ended.entries()) {
      expect(status, names[index]).toBe('completed');
      expect(output, names[index]).toBe(`prefix=${prefixes[index]}\nseen\nrefused\n`);
    }
  });
});
