import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CreateSessionOptions } from 'autonomous-orchestration';
import { expect, it } from 'vitest';
import { becomeUser } from './as-user.js';
import { bash, git, type ModelTurn, RELEASES, repository, scripted, testManager } from './support.js';

const UID = 1234;
becomeUser(UID);
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid';
const WITHIN = { timeout: 30_000 };
const [, newest] = RELEASES;

/** Runs a session to its end. @returns its record, and what its tools printed */
async function worked(options: Omit<CreateSessionOptions, 'prompt' | 'docker'>, image: string, ...turns: ModelTurn[]) {
  const { manager, events } = await testManager();
  const { docker } = scripted(...turns, { text: 'Done.' });
  const { id } = await manager.create({ ...options, prompt: 'Work', docker: { ...docker, image } });
  const session = await manager.waitFor(id);
  const output = events.flatMap((event) => (event.type === 'session:tool-result' ? event.output : [])).join('\n');
  return { session, output };
}

/** A repository with a folder and ignored files, which belongs to the user of this process. */
async function project(): Promise<string> {
  const cwd = await repository(UID);
  for (const folder of ['packages/a', 'services/a']) await mkdir(join(cwd, folder), { recursive: true });
  await writeFile(join(cwd, 'packages/a/index.js'), '');
  await writeFile(join(cwd, '.gitignore'), '.env\n');
  await git(cwd, 'add', '.');
  await git(cwd, 'commit', '--quiet', '--message', 'Second');
  await writeFile(join(cwd, 'services/a/.env'), 'KEY=1\n');
  return cwd;
}

/** They run at the same time. */
const CASES: Readonly<Record<string, () => Promise<void>>> = {
  'a worktree has its files when the agent begins, and a pattern that names nothing is a warning in the record':
    async () => {
      const cwd = await project();
      const worktree = { branch: 'one', copy: ['.env', 'nothing.txt'] };
      const look = bash('echo "key $(cat services/a/.env)"; echo "state [$(git status --porcelain)]"');
      const { session, output } = await worked({ mode: 'worktree', cwd, worktree }, newest.image, look);
      expect(output).toBe('key KEY=1\nstate []');
      const warnings = session.metadata.errors.filter(({ code }) => code === 'worktree_incomplete');
      expect(warnings).toMatchObject([{ message: expect.stringContaining('"nothing.txt"') }]);
    },

  'a bare repository as cwd gets a worktree of the branch of its HEAD, with commits': async () => {
    const top = await project();
    const hub = join(dirname(top), 'hub.git');
    await git(top, 'clone', '--quiet', '--bare', top, hub);
    const commit = bash(`echo x > new && git add new && ${IDENTITY} commit -qm New && git symbolic-ref --short HEAD`);
    const { session, output } = await worked({ mode: 'worktree', cwd: hub, worktree: 'main' }, newest.image, commit);
    expect(output).toBe('main');
    expect(session.result?.changes).toMatchObject({ branch: 'main', commits: 1, uncommitted: 0 });
    expect(await git(hub, 'log', '-1', '--format=%s', 'main')).toBe('New');
  },

  'worktrees of Claude Code itself are refused by it, as the agent is told, and git makes one instead': async () => {
    const input = { description: 'Try', prompt: 'Try it', subagent_type: 'general-purpose', isolation: 'worktree' };
    const instead = `git worktree add -q /tmp/own -b own && (cd /tmp/own && ${IDENTITY} commit -q --allow-empty -m Own && git log -1 --format=%s)`;
    const turns = [{ tool: 'Agent', input, script: [{ text: 'Tried.' }] }, bash(instead)];
    for (const worktree of [undefined, 'tree']) {
      const cwd = await project();
      const before = await readFile(join(cwd, '.git/config'), 'utf8');
      const { session, output } = await worked(
        { cwd, ...(worktree !== undefined && { worktree }) },
        newest.image,
        ...turns,
      );
      expect(session.status).toBe('completed');
      expect(output).toMatch(/^(Failed to resolve base branch|Could not read the repository git config).*\nOwn$/);
      expect(await readFile(join(cwd, '.git/config'), 'utf8')).toBe(before);
      expect((await git(cwd, 'worktree', 'list')).split('\n')).toHaveLength(worktree === undefined ? 1 : 2);
      expect(await git(cwd, 'log', '-1', '--format=%s', 'own')).toBe('Own');
    }
  },

  'an interactive session in a folder of a repository begins there': async () => {
    const cwd = join(await project(), 'packages/a');
    const { manager, events } = await testManager();
    const look = bash('echo "in $(git rev-parse --show-prefix)"');
    const { docker } = scripted(look, { text: 'Done.' });
    const given = { mode: 'interactive', cwd, prompt: 'Look' } as const;
    const { id } = await manager.create({ ...given, docker: { ...docker, image: newest.image } });
    await expect.poll(() => manager.get(id), WITHIN).toMatchObject({ status: 'waiting_feedback' });
    const output = events.flatMap((event) => (event.type === 'session:tool-result' ? event.output : []));
    expect(output).toEqual(['in packages/a/']);
    await manager.cancel(id);
  },
};

it('a user whom the machine has no name for works in a worktree, a bare repository, a folder, and without worktrees of Claude Code itself', async () => {
  const all = Object.entries(CASES).map(async ([name, check]) => {
    await check().catch((cause: unknown) => {
      throw new Error(name, { cause });
    });
  });
  const failed = (await Promise.allSettled(all)).flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  expect(failed).toEqual([]);
});
