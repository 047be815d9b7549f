import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  AutonomousExecutor,
  OrchestrationExecutor,
  PlanningExecutor,
  type SessionMode,
  UnifiedSessionManager,
  WorktreeExecutor,
} from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunRequest } from '../../../src/core/orchestration/contract/run-request.js';
import type { SessionSpec } from '../../../src/core/orchestration/contract/session-spec.js';
import { executables, FAKE_CLAUDE } from '../../support/executables.js';
import { git, repository } from '../../support/git.js';
import { appOn, SESSIONS } from '../../support/http-app.js';
import { tempFolder } from '../../support/temp-folder.js';

const onHost = (spec: SessionSpec): SessionSpec => ({ ...spec, docker: false });

/** The built-in executors without an engine: over HTTP nobody can ask for `docker: false`. */
function executorsOnHost(stateDir: string, bin: string) {
  const options = { stateDir, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } };
  const executors = {
    autonomous: new AutonomousExecutor(options),
    orchestration: new OrchestrationExecutor(options),
    planning: new PlanningExecutor(options),
    worktree: new WorktreeExecutor(options),
  };
  for (const executor of Object.values(executors)) {
    const { prepare, launch } = executor;
    executor.prepare = (spec: SessionSpec) => prepare.call(executor, onHost(spec));
    executor.launch = (request: RunRequest) => launch.call(executor, { ...request, spec: onHost(request.spec) });
  }
  return executors;
}

/** An app whose sessions run a `claude` that is a script, and how sessions are started in it. */
function confinedApp(workspaces: string[], maxConcurrent = 3) {
  const stateDir = tempFolder();
  const bin = executables({ claude: FAKE_CLAUDE });
  const manager = new UnifiedSessionManager({ stateDir, maxConcurrent, executors: executorsOnHost(stateDir, bin) });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const { post } = appOn(manager, { workspaces });
  const refused = async (body: object): Promise<string> => {
    const before = manager.list().length;
    const { status, json } = await post(SESSIONS, { prompt: 'x', ...body });
    expect([400, 422], JSON.stringify(json)).toContain(status);
    expect(manager.list()).toHaveLength(before);
    return json.error ?? '';
  };
  /** The session that was started, when it has ended. */
  const ran = async (body: object) => {
    const { json, text } = await post(SESSIONS, { prompt: 'x', ...body });
    expect(json.success, text).toBe(true);
    return manager.waitFor(json.data.id);
  };
  return { manager, bin, post, refused, ran };
}

/** Everything that lies beside a repository, and its branches. */
function surroundings(repo: string) {
  return { beside: readdirSync(dirname(repo)), branches: git(repo, 'branch', '--list', '--format=%(refname)') };
}

/** A repository with a part of its own in `packages/x`, and a worktree of the user's elsewhere with the branch `dev`. */
function userScene() {
  const repo = repository();
  const part = join(repo, 'packages/x');
  mkdirSync(part, { recursive: true });
  const elsewhere = join(tempFolder(), 'dev');
  git(repo, 'worktree', 'add', '--quiet', '-b', 'dev', elsewhere);
  return { repo, part, elsewhere };
}

describe('a session over HTTP in a part of a repository', () => {
  it.each<[string, object]>([
    ["the branch of the user's worktree elsewhere", { worktree: 'dev' }],
    ['that branch as an object', { worktree: { branch: 'dev' } }],
    ['a new branch', { worktree: 'new' }],
    ['a new branch from a base', { worktree: { branch: 'new', base: 'dev' } }],
    ['a branch because of its mode', { mode: 'worktree' }],
    ['a new branch in that mode', { mode: 'worktree', worktree: 'new' }],
    ['a new branch for a leader', { mode: 'orchestration', worktree: 'new' }],
    ['a new branch for a plan', { mode: 'planning', worktree: 'new' }],
  ])('a session in a part of a repository is refused with %s, and nothing is created', async (_, body) => {
    const { repo, part } = userScene();
    const { refused } = confinedApp([part]);
    const before = surroundings(repo);
    const message = await refused(body);
    expect(message).toContain(repo);
    expect(message).toContain("'workspaces'");
    expect(surroundings(repo)).toEqual(before);
  });

  it('a session in a part of a repository runs without a worktree', async () => {
    const { part } = userScene();
    const { ran } = confinedApp([part]);
    expect(await ran({})).toMatchObject({ status: 'completed', environment: { cwd: part } });
  });
});

describe('a session over HTTP in a whole repository', () => {
  it("a session in a repository is refused the user's worktree elsewhere", async () => {
    const { repo, elsewhere } = userScene();
    const { refused } = confinedApp([repo]);
    for (const worktree of ['dev', { branch: 'dev' }]) expect(await refused({ worktree })).toContain(elsewhere);
  });

  it('a new worktree is made inside its repository, where git ignores it', async () => {
    const { repo } = userScene();
    const { ran } = confinedApp([repo]);
    const before = surroundings(repo).beside;
    const path = join(repo, '.worktrees/fix-it');
    expect(await ran({ worktree: 'fix/it' })).toMatchObject({ status: 'completed', environment: { worktree: path } });
    expect(readFileSync(join(path, 'file.txt'), 'utf8')).toBe('content\n');
    expect(git(repo, 'status', '--porcelain', '--ignored')).toBe('!! .worktrees/\n');
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(await ran({ mode: 'worktree' })).toMatchObject({ status: 'completed' });
    expect(surroundings(repo).beside).toEqual(before);
  });

  it('a new worktree is made beside its repository if that folder is in a workspace', async () => {
    const { repo } = userScene();
    const { ran } = confinedApp([dirname(repo)]);
    const environment = { cwd: repo, worktree: `${repo}-new` };
    expect(await ran({ cwd: basename(repo), worktree: 'new' })).toMatchObject({ status: 'completed', environment });
  });

  it('a session is refused if the folder for its worktree is a link that leads elsewhere', async () => {
    const { repo } = userScene();
    const outside = tempFolder();
    symlinkSync(outside, join(repo, '.worktrees'));
    const { refused } = confinedApp([repo]);
    expect(await refused({ worktree: 'new' })).toContain('lies outside of the folders');
    expect(readdirSync(outside)).toEqual([]);
  });

  it('a queued session fails if its worktree is made elsewhere before it starts', async () => {
    const { repo } = userScene();
    const { manager, bin, post } = confinedApp([repo], 1);
    writeFileSync(join(bin, 'wait'), '');
    const first = await post(SESSIONS, { prompt: 'x' });
    const second = await post(SESSIONS, { prompt: 'x', worktree: 'late' });
    const elsewhere = join(tempFolder(), 'late');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'late', elsewhere);
    await manager.cancel(first.json.data.id);
    const { status, result, environment } = await manager.waitFor(second.json.data.id);
    expect([status, result?.reason, environment.worktree]).toEqual(['failed', 'WORKTREE_FAILED', undefined]);
    expect(result?.error).toContain(elsewhere);
  });

  it('a session is not continued in a worktree that was moved elsewhere', async () => {
    const { repo } = userScene();
    const { manager, post, ran } = confinedApp([repo]);
    const { id, environment } = await ran({ worktree: 'new' });
    const elsewhere = join(tempFolder(), 'moved');
    git(repo, 'worktree', 'move', environment.worktree ?? '', elsewhere);
    await post(`${SESSIONS}/${id}/continue`, { feedback: 'Go on' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'WORKTREE_FAILED' } });
  });
});

describe('a session over HTTP in a checkout whose repository is elsewhere', () => {
  const MODES: (SessionMode | undefined)[] = [undefined, 'planning', 'worktree'];

  it.each(MODES)('a session in a worktree is refused if its repository is elsewhere (mode %s)', async (mode) => {
    const { repo, elsewhere } = userScene();
    const { refused } = confinedApp([elsewhere]);
    expect(await refused({ mode })).toContain(join(repo, '.git'));
    expect(await refused({ mode, worktree: 'new' })).toContain(repo);
  });

  it('a session in a worktree runs if its repository is a workspace as well', async () => {
    const { repo, elsewhere } = userScene();
    const { ran } = confinedApp([elsewhere, repo]);
    expect(await ran({})).toMatchObject({ status: 'completed', environment: { cwd: elsewhere } });
    expect(await ran({ worktree: 'new' })).toMatchObject({ environment: { worktree: join(repo, '.worktrees/new') } });
  });

  it('a session in a submodule is refused unless the whole repository is in a workspace', async () => {
    const whole = repository();
    git(whole, 'submodule', 'add', '--quiet', repository(), 'sub');
    const sub = join(whole, 'sub');
    const { refused } = confinedApp([sub]);
    for (const body of [{}, { worktree: 'new' }, { mode: 'worktree' }])
      expect(await refused(body)).toContain(join(whole, '.git'));
    const { ran } = confinedApp([whole]);
    expect(await ran({ cwd: 'sub' })).toMatchObject({ status: 'completed', environment: { cwd: sub } });
    expect(await ran({ cwd: 'sub', worktree: 'new' })).toMatchObject({
      environment: { worktree: join(sub, '.worktrees/new') },
    });
  });

  it('a session in a worktree that a link leads to is refused', async () => {
    const { repo, elsewhere } = userScene();
    const workspace = tempFolder();
    symlinkSync(elsewhere, join(workspace, 'link'));
    symlinkSync(join(repo, '.git'), join(workspace, '.git'));
    const { refused } = confinedApp([workspace]);
    await refused({ cwd: 'link' });
    await refused({ worktree: 'new' });
  });
});

describe('a session over HTTP with a parent', () => {
  it('a session with a parent cannot leave the workspaces through a worktree', async () => {
    const { repo, part, elsewhere } = userScene();
    const { manager, refused, ran } = confinedApp([part, tempFolder()]);
    const planned = await ran({ mode: 'planning' });
    for (const worktree of ['dev', 'new']) {
      await refused({ parentId: planned.id, worktree });
      await refused({ parentId: planned.id, cwd: part, worktree, prompt: undefined });
    }
    const { id: parentId } = await manager.create({ prompt: 'x', cwd: repo, worktree: 'dev', docker: false });
    await manager.waitFor(parentId);
    await refused({ parentId });
    await refused({ parentId, cwd: elsewhere });
  });

  it('a leader passes its workspaces to its child sessions', async () => {
    const { repo, part } = userScene();
    const { manager, ran } = confinedApp([part, repo]);
    const { id: parentId } = await ran({ mode: 'orchestration', cwd: repo });
    await expect(manager.create({ prompt: 'x', parentId, worktree: 'dev' })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
    });
    const { id } = await manager.create({ prompt: 'x', parentId, worktree: 'new' });
    expect((await manager.waitFor(id)).environment.worktree).toBe(join(repo, '.worktrees/new'));
  });

  it('a session over HTTP cannot set its own workspaces', async () => {
    const { part } = userScene();
    const { refused } = confinedApp([part]);
    expect(await refused({ workspaces: ['/'] })).toContain('workspaces');
  });
});

describe('a workspace inside another workspace', () => {
  it('a workspace that an agent has replaced by a link is refused', async () => {
    const [outer, outside] = [tempFolder(), tempFolder()];
    const inner = join(outer, 'inner');
    mkdirSync(inner);
    const { refused, ran } = confinedApp([outer, inner]);
    expect(await ran({ cwd: inner })).toMatchObject({ status: 'completed' });
    renameSync(inner, join(outer, 'away'));
    symlinkSync(outside, inner);
    await refused({ cwd: inner });
    await refused({ cwd: outside });
    rmSync(inner);
    expect(existsSync(outside)).toBe(true);
  });
});
