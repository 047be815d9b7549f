import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type BaseExecutor,
  OrchestrationExecutor,
  PlanningExecutor,
  type SessionMode,
  UnifiedSessionManager,
  WorktreeExecutor,
} from 'autonomous-orchestration';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AutonomousExecutor } from '../../../../src/core/orchestration/executors/autonomous.js';
import { executables, FAKE_CLAUDE } from '../../../support/executables.js';
import { git, repository } from '../../../support/git.js';
import { DONE, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const EXECUTORS = {
  autonomous: AutonomousExecutor,
  planning: PlanningExecutor,
  worktree: WorktreeExecutor,
  orchestration: OrchestrationExecutor,
};

/** A manager whose sessions run a shell script as `claude`, on this machine. */
function onHost(claude: string = FAKE_CLAUDE) {
  const bin = executables({ claude });
  const stateDir = tempFolder();
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  const made = Object.entries(EXECUTORS).map(([mode, Executor]) => [mode, new Executor({ stateDir, env })]);
  const executors = Object.fromEntries(made) as Partial<Record<SessionMode, BaseExecutor>>;
  const manager = new UnifiedSessionManager({ stateDir, executors });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const told = (name: string): string => readFileSync(join(bin, name), 'utf8');
  /** The arguments after an option, up to the next option. */
  const argumentsOf = (option: string): string[] => {
    const args = told('args').trim().split('\n');
    const from = args.indexOf(option);
    if (from < 0) return [];
    const rest = args.slice(from + 1);
    const end = rest.findIndex((arg) => arg.startsWith('--'));
    return rest.slice(0, end < 0 ? undefined : end);
  };
  return { manager, stateDir, bin, told, argumentsOf };
}

const RESULT = `echo '{"type":"result","subtype":"success","is_error":false,"result":"Hello."}'`;
const INIT = `echo '{"type":"system","subtype":"init","session_id":"11111111-2222-4333-8444-555555555555","model":"fake"}'`;

describe('a planning session without Docker', () => {
  it('a planning session has no tools that change files, and no shell', async () => {
    const { manager, argumentsOf } = onHost();
    const options = { mode: 'planning', prompt: 'Plan', cwd: tempFolder(), docker: false } as const;
    const { id } = await manager.create({
      ...options,
      disallowedTools: ['WebFetch', 'Edit'],
      appendSystem: 'Be brief.',
    });
    const ended = await manager.waitFor(id);
    const refused = argumentsOf('--disallowedTools').join(' ').split(/[ ,]+/);
    expect(refused.sort()).toEqual(['Bash', 'Edit', 'MultiEdit', 'NotebookEdit', 'WebFetch', 'Write']);
    const note = argumentsOf('--append-system-prompt').join('\n');
    expect(note).toMatch(/^You are asked for a plan, not for changes[\s\S]*Be brief\.$/);
    expect(ended).toMatchObject({ status: 'completed', mode: 'planning', result: { text: 'Hello.' } });
    expect(readFileSync(ended.result?.planFile ?? '', 'utf8')).toBe('Hello.');
    expect(dirname(ended.result?.planFile ?? '')).toBe(dirname(ended.logFile ?? ''));
  });

  it('a planning session that fails leaves no plan file', async () => {
    const { manager } = onHost(`cat > /dev/null; ${INIT}; ${RESULT}; exit 1`);
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd: tempFolder(), docker: false });
    const { status, result, logFile = '' } = await manager.waitFor(id);
    expect({ status, text: result?.text }).toEqual({ status: 'failed', text: 'Hello.' });
    expect(result).not.toHaveProperty('planFile');
    expect(existsSync(join(dirname(logFile), 'plan.md'))).toBe(false);
  });

  it('a plan is the prompt of a child without its own prompt', async () => {
    const { manager, told } = onHost();
    const cwd = tempFolder();
    const { id } = await manager.create({ mode: 'planning', prompt: 'Plan', cwd, docker: false });
    await manager.waitFor(id);
    const child = await manager.create({ parentId: id, cwd, docker: false });
    await manager.waitFor(child.id);
    expect(told('input')).toBe('Hello.');
    const own = await manager.create({ parentId: id, prompt: 'Mine', cwd, docker: false });
    await manager.waitFor(own.id);
    expect(told('input')).toBe('Mine');
    // The child carries out a plan, but has made none that its own child could carry out.
    await expect(manager.create({ parentId: child.id, cwd, docker: false })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
    });
  });
});

describe('a worktree session without Docker', () => {
  it('a worktree session without a branch option gets its own branch, and reports its changes', async () => {
    const commit = 'git -c user.name=A -c user.email=a@b.invalid commit -qm Work';
    const claude = FAKE_CLAUDE.replace(
      'echo',
      `echo new > new.txt; git add new.txt; ${commit}; echo x > loose.txt\necho`,
    );
    const { manager, told } = onHost(claude);
    const cwd = repository();
    const base = git(cwd, 'rev-parse', 'main').trim();
    const { id } = await manager.create({ mode: 'worktree', prompt: 'Work', cwd, docker: false });
    const { status, environment, result } = await manager.waitFor(id);
    expect({ status, branch: environment.branch, base: environment.base }).toEqual({
      status: 'completed',
      branch: `session/${id}`,
      base,
    });
    expect(told('cwd').trim()).toBe(environment.worktree);
    expect(result?.changes).toEqual({
      branch: `session/${id}`,
      base,
      commits: 1,
      files: 1,
      insertions: 1,
      deletions: 0,
      uncommitted: 1,
    });
    expect(git(cwd, 'status', '--short')).toBe('');
  });

  it('a worktree session that fails reports its changes, too', async () => {
    const { manager } = onHost(`cat > /dev/null; ${INIT}; echo x > loose.txt; exit 1`);
    const { id } = await manager.create({ mode: 'worktree', prompt: 'x', cwd: repository(), docker: false });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { changes: { uncommitted: 1 } } });
  });
});

describe('an orchestration session without Docker', () => {
  const LEADS = [
    'here=$(dirname "$0"); prompt=$(cat)',
    INIT,
    'case $prompt in',
    '  *Lead*) command -v orchestrate > "$here/command"; orchestrate create --task-id t Child > "$here/created" 2>&1',
    '    orchestrate wait > "$here/waited" 2>&1; echo "code $?" >> "$here/waited"; printf "%s\\n" "$@" > "$here/args" ;;',
    '  *) command -v orchestrate > "$here/of-child" || echo none > "$here/of-child" ;;',
    'esac',
    RESULT,
  ].join('\n');

  it('a leader has the orchestrate command on its PATH and creates a child, which has none', async () => {
    const { manager, told, argumentsOf } = onHost(LEADS);
    const cwd = tempFolder();
    const { id } = await manager.create({ mode: 'orchestration', prompt: 'Lead', cwd, docker: false });
    const ended = await manager.waitFor(id);
    expect(ended.status).toBe('completed');
    const [child, ...others] = manager.list({ parentId: id });
    expect(others).toEqual([]);
    expect(child).toMatchObject({ status: 'completed', taskId: 't', environment: { docker: false, cwd } });
    expect(told('command').trim()).toBe(join(dirname(ended.logFile ?? ''), 'guard/bin/orchestrate'));
    expect(told('created')).toMatch(new RegExp(`^${child?.id}\tautonomous\t(starting|queued)\n$`));
    expect(told('waited')).toBe(`${child?.id}\tautonomous\tcompleted\tHello.\ncode 0\n`);
    expect(told('of-child')).toBe('none\n');
    expect(argumentsOf('--append-system-prompt').join(' ')).toContain('`orchestrate help` says how');
    // The command is removed with the run.
    await manager.cancel(id);
    expect(existsSync(told('command').trim())).toBe(false);
  });
});

describe('finalResult() of an executor', () => {
  it("the fields of finalResult() are in the session's result", async () => {
    class Concludes extends SimulatedExecutor {
      override async finalResult({ status }: Parameters<BaseExecutor['finalResult']>[0]) {
        return { planFile: `/plans/${status}` };
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Concludes(DONE) } });
    const { id } = await manager.create({ prompt: 'x' });
    expect((await manager.waitFor(id)).result).toMatchObject({ text: 'Done.', planFile: '/plans/completed' });
  });

  it('a failed finalResult() leaves the result as it is, and adds an error to the record', async () => {
    class Fails extends SimulatedExecutor {
      override finalResult(): Promise<never> {
        return Promise.reject(new Error('broken'));
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Fails(DONE) } });
    const { id } = await manager.create({ prompt: 'x' });
    const { status, result, metadata } = await manager.waitFor(id);
    expect({ status, result }).toEqual({
      status: 'completed',
      result: { text: 'Done.', exitCode: 0, reason: 'success' },
    });
    expect(metadata.errors).toMatchObject([{ code: 'no_conclusion', message: expect.stringContaining('broken') }]);
  });
});
