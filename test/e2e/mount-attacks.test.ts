import { spawn } from 'node:child_process';
import { existsSync, renameSync, symlinkSync } from 'node:fs';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AutonomousExecutor,
  type CreateSessionOptions,
  type DockerOptions,
  type UnifiedSession,
} from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import {
  bash,
  casting,
  containersGone,
  git,
  RELEASES,
  repository,
  scripted,
  tempFolder,
  testManager,
} from './support.js';

const SECRET = 'the secret of the victim';

/** A folder of the user that no agent may see. */
async function victimFolder(): Promise<string> {
  const victim = await tempFolder();
  await writeFile(join(victim, 'secret'), SECRET);
  return victim;
}

/** Another agent swaps the source from its own container at the worst moment: after all checks, before the mount. */
function executorWithSwap(stateDir: string, swap: () => void): AutonomousExecutor {
  return new AutonomousExecutor({
    stateDir,
    spawn(...args) {
      swap();
      return spawn(...args);
    },
  });
}

/** Puts a link to the victim in the place of a path. */
function replaceBy(victim: string, path: string): void {
  renameSync(path, `${path}-moved`);
  symlinkSync(victim, path);
}

const LOOK = [
  bash('cat /workspace/secret /data/secret /data /workspace/secret; echo planted > /workspace/planted; true'),
];

async function logOf(session: UnifiedSession): Promise<string> {
  return readFile(session.logFile ?? '', 'utf8');
}

describe.each(RELEASES)(
  'mount sources that an agent replaces by a link between check and mount, with Claude Code $version',
  ({ image }) => {
    interface Case {
      what: string;
      /** Creates what the session will mount. */
      options: (top: string) => Promise<Omit<CreateSessionOptions, 'docker'> & { docker?: Partial<DockerOptions> }>;
      /** What is swapped, below `top`. */
      swapped: string;
    }

    const cases: Case[] = [
      {
        what: 'the workspace',
        options: async (top) => ({ prompt: 'Look', cwd: await made(top, 'packages/x') }),
        swapped: 'packages/x',
      },
      {
        what: 'a folder above the workspace',
        options: async (top) => ({ prompt: 'Look', cwd: await made(top, 'packages/x') }),
        swapped: 'packages',
      },
      {
        what: 'a mount',
        options: async (top) => ({
          prompt: 'Look',
          cwd: await made(top, 'project'),
          docker: { mounts: [`${await made(top, 'data')}:/data`] },
        }),
        swapped: 'data',
      },
    ];

    it.each(cases)(
      'the agent never starts if $what is replaced by a link between check and mount',
      async ({ options, swapped }) => {
        const [victim, top, stateDir] = [await victimFolder(), await tempFolder(), await tempFolder(0)];
        const asked = await options(top);
        // The victim has the folder that the path through the link needs.
        await made(victim, 'x');
        const executor = executorWithSwap(stateDir, () => replaceBy(victim, join(top, swapped)));
        const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });
        const docker = { ...asked.docker, image, ...scripted(...LOOK).docker };

        const { id } = await manager.create({ ...asked, docker });
        const ended = await manager.waitFor(id);

        expect(ended).toMatchObject({
          status: 'failed',
          result: { reason: 'UNSAFE_MOUNT' },
          metadata: { toolsUsed: [] },
        });
        expect(ended.result?.error).toContain('what is mounted here is not what was checked');
        expect(await logOf(ended)).not.toContain(SECRET);
        expect(existsSync(join(victim, 'planted'))).toBe(false);
        await containersGone(ended);
      },
    );

    it('the agent never starts if the objects of a repository are replaced by a link before the mount', async () => {
      const [victim, stateDir] = [await victimFolder(), await tempFolder(0)];
      // The engine itself refuses a mount if something below its source is missing.
      await writeFile(join(await made(victim, 'info'), 'alternates'), '');
      const cwd = await repository();
      const executor = executorWithSwap(stateDir, () => replaceBy(victim, join(cwd, '.git/objects')));
      const { manager } = await testManager({ stateDir, executors: { worktree: executor, autonomous: executor } });
      const look = bash(`cat ${cwd}/.git/objects/secret`);

      const { id } = await manager.create({
        prompt: 'Look',
        cwd,
        worktree: 'topic',
        docker: { image, user: '0:0', ...scripted(look).docker },
      });
      const ended = await manager.waitFor(id);

      expect(ended).toMatchObject({ status: 'failed', result: { reason: 'UNSAFE_MOUNT' } });
      expect(await logOf(ended)).not.toContain(SECRET);
    });

    it('a leader cannot move what its child session mounts, and the child session works', async () => {
      const victim = await victimFolder();
      const cwd = await repository();
      await writeFile(
        join(cwd, 'swap.sh'),
        `cd /workspace/.git
       for part in objects objects/info objects/info/alternates refs logs logs/refs config hooks worktrees commondir; do
         mv $part /workspace/.git/moved 2>/dev/null && echo MOVED $part
         rmdir $part 2>/dev/null && echo REMOVED $part
       done
       echo ${victim} > objects/info/alternates && echo ALTERNATES
       mv /workspace/.git /workspace/moved && echo MOVED .git
       echo tried > /workspace/tried`,
      );
      const { manager } = await testManager();
      const create = 'echo "Work as a child" | orchestrate create --mode worktree --branch topic -';
      const { docker } = casting({
        'Lead others': [bash('sh swap.sh 2>&1'), bash(create), bash('orchestrate wait'), { text: 'Done.' }],
        'Work as a child': [
          bash(
            'echo new > new.txt && git add new.txt && git -c user.name=a -c user.email=a@b commit -qm New && git log --oneline',
          ),
          { text: 'Done.' },
        ],
      });
      const leader = await manager.create({
        mode: 'orchestration',
        prompt: 'Lead others',
        cwd,
        docker: { image, user: '0:0', ...docker },
      });
      const ended = await manager.waitFor(leader.id);

      expect(ended).toMatchObject({ status: 'completed', metadata: { dangers: [] } });
      expect(existsSync(join(cwd, 'tried'))).toBe(true);
      expect(await logOf(ended)).not.toMatch(/MOVED|REMOVED|ALTERNATES/);
      const [child] = manager.list({ parentId: leader.id });
      expect(child).toMatchObject({ status: 'completed', result: { changes: { commits: 1 } } });
      expect(await git(cwd, 'log', '--format=%s', 'topic')).toBe('New\nFirst');
    });

    it('a leader cannot redirect a mount that its child session inherits', async () => {
      const [victim, cwd] = [await victimFolder(), await tempFolder()];
      const source = await made(cwd, 'data');
      const { manager } = await testManager({ policy: { dangerous: 'allow' } });
      const { docker } = casting({
        'Lead others': [
          bash(`mv data moved && ln -s ${victim} data; echo "Work as a child" | orchestrate create -`),
          { text: 'Done.' },
        ],
        'Work as a child': [bash('cat /data/secret'), { text: 'Done.' }],
      });
      const { id } = await manager.create({
        mode: 'orchestration',
        prompt: 'Lead others',
        cwd,
        docker: { image, mounts: [`${source}:/data`], ...docker },
      });
      const ended = await manager.waitFor(id);

      expect(existsSync(join(cwd, 'moved'))).toBe(true);
      expect(await logOf(ended)).toMatch(/Mounting .* is refused: it leads to/);
      expect(manager.list({ parentId: id })).toEqual([]);
    });
  },
);

async function made(top: string, path: string): Promise<string> {
  const folder = join(top, path);
  await mkdir(folder, { recursive: true });
  for (let at = folder; at !== top; at = join(at, '..')) await chown(at, 1000, 1000);
  return folder;
}
