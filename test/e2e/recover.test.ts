import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Host, type HostTask, killedWhen } from './hosts.js';
import {
  attempt,
  bash,
  containersGone,
  containersOf,
  docker,
  nextEvent,
  release,
  repository,
  scripted,
  size,
  stateFolder,
  tempFolder,
  testManager,
  UNTIL_RELEASED,
} from './support.js';

/** A session with its own folders, for a process that will be killed. */
async function task(session: Partial<HostTask['session']>, rest: Partial<HostTask> = {}): Promise<HostTask> {
  const stateDir = await stateFolder();
  return { stateDir, session: { prompt: 'Go', cwd: await tempFolder(), ...session }, ...rest };
}

const STARTS = bash('echo run >> /workspace/starts.txt');
/** The same, in a call that lasts until the test releases it. */
const STARTS_HELD = bash(`echo run >> /workspace/starts.txt; ${UNTIL_RELEASED}`);
const starts = ({ session }: HostTask): Promise<string> => readFile(join(session.cwd ?? '', 'starts.txt'), 'utf8');

describe('a session whose process was killed', () => {
  it('an adopted session continues with everything that its log contains', async () => {
    const one = await task(scripted(STARTS_HELD, bash('echo two'), { text: 'Done.' }));
    const id = await killedWhen('session:tool', one);
    const { manager, events } = await testManager({ stateDir: one.stateDir });
    const report = await manager.recover();
    expect(report).toMatchObject({ adopted: [id], closed: [], lost: [], requeued: [], containers: [] });
    expect(manager.get(id)).toMatchObject({ status: 'running', metadata: { toolCounts: { Bash: 1 } } });
    expect(await manager.recover()).toMatchObject({ adopted: [], closed: [], lost: [], requeued: [], containers: [] });

    await release(id);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'Done.', exitCode: 0 }, runs: [{ number: 1 }] });
    expect(ended.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
    const tools = events.flatMap((event) => (event.type === 'session:tool' ? [event.replayed === true] : []));
    expect(tools, 'replayed').toEqual([true, false]);
    expect(await starts(one)).toBe('run\n');
    await containersGone(ended);
  });

  it('a session that ended while no manager ran is closed with its true exit code', async () => {
    const one = await task(
      { ...scripted(STARTS_HELD, bash('ls'), bash('ls'), { text: 'x' }), maxTurns: 2 },
      ALLOW_ALONE,
    );
    const host = new Host(one);
    const id = await host.when('session:tool');
    await expect.poll(() => starts(one).catch(() => '')).toBe('run\n');
    await host.kill();
    await release(id);
    await docker('wait', `ao-${id}-1`);
    const { manager } = await testManager({ stateDir: one.stateDir });
    expect(await manager.recover()).toMatchObject({ adopted: [], closed: [id] });
    expect(manager.get(id)).toMatchObject({ status: 'failed', result: { reason: 'max_turns', exitCode: 1 } });
    expect(await containersOf({ id })).toEqual([]);
  });

  it('a session whose container was removed is lost', async () => {
    const one = await task(scripted(STARTS_HELD, { text: 'x' }));
    const id = await killedWhen('session:tool', one);
    await docker('rm', '--force', `ao-${id}-1`);
    const { manager } = await testManager({ stateDir: one.stateDir });
    expect(await manager.recover()).toMatchObject({ lost: [id], closed: [] });
    expect(manager.get(id)).toMatchObject({ status: 'failed', result: { reason: 'lost' } });
  });

  it('an adopted session still waits for its approval, which can be given', async () => {
    const rules = [{ tool: 'Bash', decision: 'ask' as const }];
    const one = await task({ ...scripted(STARTS, { text: 'Done.' }), policy: { rules } });
    const id = await killedWhen('session:approval', one);
    const { manager } = await testManager({ stateDir: one.stateDir });
    const asked = nextEvent(manager, ({ type }) => type === 'session:approval');
    await manager.recover();
    await asked;
    const { status, pendingApproval } = manager.get(id) ?? {};
    expect({ status, tool: pendingApproval?.tool }).toEqual({ status: 'waiting_feedback', tool: 'Bash' });
    await manager.approve(id, pendingApproval?.requestId ?? '');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
    expect(await starts(one)).toBe('run\n');
  });

  it('an adopted session receives a stored message exactly once', async () => {
    const call = { on: 'session:tool', method: 'steer' as const, args: ['Look left.'] };
    const { docker: options } = scripted(STARTS_HELD, bash('echo two'), { text: 'Done.' });
    const env = { ...options.env, MODEL_REQUEST_LOG: '/workspace/requests.jsonl' };
    const one = await task({ docker: { env } }, { call });
    const host = new Host(one);
    const id = await host.when('session:tool');
    // The process is killed as soon as the message is on disk, while the tool call still runs.
    const file = join(one.stateDir, 'sessions', id, 'steering.json');
    await expect.poll(() => readFile(file, 'utf8').catch(() => ''), { interval: 5 }).toContain('Look left.');
    await host.kill();
    const { manager, events } = await testManager({ stateDir: one.stateDir });
    await manager.recover();
    await release(id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(events.filter(({ type }) => type === 'session:steered')).toHaveLength(1);
    const requests = await readFile(join(one.session.cwd ?? '', 'requests.jsonl'), 'utf8');
    expect(
      requests
        .trimEnd()
        .split('\n')
        .at(-1)
        ?.match(/Look left/g),
    ).toHaveLength(1);
  });

  it('an adopted session stays paused and can be resumed', async () => {
    const call = { on: 'session:tool', method: 'pause' as const, args: [] };
    const one = await task(scripted(STARTS_HELD, { text: 'Done.' }), { call });
    const id = await killedWhen('called', one);
    const { manager } = await testManager({ stateDir: one.stateDir });
    expect(await manager.recover()).toMatchObject({ adopted: [id] });
    expect(manager.get(id)?.status).toBe('paused');
    await manager.resume(id);
    await release(id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
  });

  it('an adopted session can be continued with its conversation once recover() has its variables', async () => {
    const one = await task(scripted(STARTS, { text: 'One.' }, { history: true }));
    const id = await killedWhen('session:tool', one);
    const { manager } = await testManager({ stateDir: one.stateDir });
    await manager.recover();
    await manager.waitFor(id);
    await expect(manager.continue(id, 'And now?')).rejects.toMatchObject({ code: 'ENV_MISSING' });
    await manager.close();

    const { docker } = one.session;
    const env = (): Record<string, string> => (typeof docker === 'object' ? (docker.env ?? {}) : {});
    const next = await testManager({ stateDir: one.stateDir });
    expect(await next.manager.recover({ env })).toMatchObject({ known: [id] });
    expect(next.manager.get(id)).toEqual(manager.get(id));
    await next.manager.continue(id, 'And now?');
    const { result, runs } = await next.manager.waitFor(id);
    expect(result?.text).toBe('HISTORY: ["Go","And now?"]');
    expect(runs).toHaveLength(2);
  });

  it('a session whose cancellation was recorded is cancelled by the next manager', async () => {
    const call = { on: 'session:tool', method: 'cancel' as const, args: ['Enough.'] };
    const one = await task(scripted(bash("trap '' TERM; sleep 300"), { text: 'x' }), { call });
    const host = new Host(one);
    const id = await host.when('session:tool');
    const record = join(one.stateDir, 'sessions', id, 'session.json');
    await expect.poll(() => readFile(record, 'utf8'), { interval: 5 }).toContain('Enough.');
    await host.kill();
    const { manager } = await testManager({ stateDir: one.stateDir });
    await manager.recover();
    expect(await manager.waitFor(id)).toMatchObject({ status: 'cancelled', result: { error: 'Enough.' } });
    await containersGone({ id });
  });

  it('a session that killed hooks while no manager ran is stopped by the next manager', async () => {
    // The hooks live until the process is gone. Then every hook that waits for a process is killed.
    const killer = `touch begun; ${UNTIL_RELEASED}
      nohup sh -c 'while true; do pkill -9 -f "[a]utonomous-orchestration.sh"; done' >/dev/null 2>&1 &`;
    const call = bash('touch /workspace/it');
    const script = scripted(bash('sh kill.sh'), call, { text: 'x', delayMs: 100_000 });
    const policy = { policy: { dangerous: 'allow' as const } };
    const one = await task(script, { manager: policy });
    const cwd = one.session.cwd ?? '';
    await writeFile(join(cwd, 'kill.sh'), killer);
    const host = new Host(one);
    const id = await host.when('session:tool');
    await expect.poll(() => readdir(cwd)).toContain('begun');
    await host.kill();
    await release(id);
    // Before the log shows that the call ran, the next manager takes its request for one that waits for a decision.
    const log = join(one.stateDir, 'sessions', id, 'stream.log');
    const results = async (): Promise<number> => (await readFile(log, 'utf8')).split('"type":"tool_result"').length - 1;
    await expect.poll(results, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    expect(await readdir(cwd)).toContain('it');
    const { manager } = await testManager({ stateDir: one.stateDir, ...policy });
    await manager.recover();
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'guard_bypassed' } });
    await containersGone({ id });
  });

  it.each(['before-spawn', 'after-spawn', 'session:started'])(
    'a session runs exactly once if its process dies at: %s',
    async (dieAt) => {
      for (let times = 0; times < size(1, 3); times++) {
        const one = await task({}, { dieAt });
        const script = [STARTS_HELD, { text: 'Done.' }];
        await writeFile(join(one.session.cwd ?? '', '.model-script.json'), JSON.stringify(script));
        await new Host(one).exited;
        const { manager } = await testManager({ stateDir: one.stateDir });
        const report = await manager.recover();
        const [session] = manager.list();
        expect([...report.adopted, ...report.requeued]).toEqual([session?.id]);
        await expect.poll(() => starts(one).catch(() => '')).toBe('run\n');
        await release(session?.id ?? '');
        expect(await manager.waitFor(session?.id ?? '')).toMatchObject({
          status: 'completed',
          result: { text: 'Done.' },
        });
        expect(await starts(one)).toBe('run\n');
        await containersGone(one);
        await manager.close();
      }
    },
  );
});

/** By default an agent waits for its process before its next tool call. */
const ALLOW_ALONE = { manager: { policy: { onHostLost: 'allow' as const } } };

describe('damaged files of a session', () => {
  it.each([
    ['session.json', 0],
    ['session.json', 100],
    ['spec.json', 0],
  ])('a session is rebuilt from its container and log if %s is cut to %i bytes', async (file, length) => {
    const one = await task(scripted(STARTS_HELD, { text: 'Done.' }), ALLOW_ALONE);
    const host = new Host(one);
    const id = await host.when('session:tool');
    // The call has its permission by then. Without the specification, the next manager would refuse it.
    await expect.poll(() => starts(one).catch(() => '')).toBe('run\n');
    await host.kill();
    await truncate(join(one.stateDir, 'sessions', id, file), length);
    const { manager } = await testManager({ stateDir: one.stateDir, policy: { onHostLost: 'allow' } });
    expect(await manager.recover()).toMatchObject({ adopted: [id], rebuilt: [id] });
    await release(id);
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      environment: { cwd: one.session.cwd },
      result: { text: 'Done.' },
      metadata: { toolCounts: { Bash: 1 } },
    });
  });
});

describe('containers and worktrees that belong to no session', () => {
  it('recover() removes containers of this manager without a session, and no other container', async () => {
    const one = await task(scripted(STARTS_HELD, { text: 'x' }));
    const id = await killedWhen('session:tool', one);
    const owner = await docker(
      'inspect',
      '--format',
      '{{index .Config.Labels "autonomous-orchestration.owner"}}',
      `ao-${id}-1`,
    );
    const make = async (name: string, ...labels: string[]): Promise<string> => {
      const flags = labels.flatMap((label) => ['--label', label]);
      await docker(
        'run',
        '--detach',
        '--name',
        name,
        ...flags,
        '--entrypoint',
        'sleep',
        'my-claude:authenticated',
        '300',
      );
      onTestFinished(() => attempt('docker', ['rm', '--force', name]).then(() => {}));
      return name;
    };
    const ours = `autonomous-orchestration.owner=${owner}`;
    const left = [
      await make('ao-gone12345678-1', ours, 'autonomous-orchestration.session=gone12345678'),
      await make('ao-probe-left', ours),
    ];
    const foreign = [
      await make(
        'ao-foreign-1',
        'autonomous-orchestration.owner=another',
        'autonomous-orchestration.session=gone12345678',
      ),
      await make('nobodys-1'),
    ];
    const { manager } = await testManager({ stateDir: one.stateDir });
    const report = await manager.recover();
    expect([...report.containers].sort()).toEqual(left);
    const names = (await docker('ps', '--all', '--format', '{{.Names}}')).split('\n');
    expect(names).toEqual(expect.arrayContaining([`ao-${id}-1`, ...foreign]));
  });

  it('a worktree with work in it is kept unless its removal is forced', async () => {
    const cwd = await repository();
    const { manager, stateDir } = await testManager();
    const run = async (branch: string, command: string): Promise<string> => {
      const script = scripted(bash(command), { text: 'ok' });
      const { id } = await manager.create({
        docker: { ...script.docker, user: '0:0' },
        prompt: 'x',
        cwd,
        worktree: branch,
      });
      await manager.waitFor(id);
      return id;
    };
    const commit = 'git -c user.name=A -c user.email=a@b.invalid commit -qm work';
    const clean = await run('clean', 'true');
    const changed = await run('changed', 'echo x > new.txt');
    const ahead = await run('ahead', `echo x > new.txt; git add .; ${commit}`);
    for (const id of [changed, ahead]) {
      await expect(manager.removeWorktree(id)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
    }
    expect((await manager.removeWorktree(clean)).environment.worktree).toBeUndefined();
    await manager.removeWorktree(changed, { force: true });
    await manager.close();
    // A session that somebody deleted by hand.
    const { environment } = manager.get(ahead) ?? {};
    await attempt('rm', ['-r', join(stateDir, 'sessions', ahead)]);
    const next = new UnifiedSessionManager({ stateDir });
    onTestFinished(() => next.close());
    expect(await next.recover()).toMatchObject({
      worktrees: [],
      keptWorktrees: [{ path: environment?.worktree, branch: 'ahead' }],
    });
  });
});

it('a manager refuses a state folder that another process uses', async () => {
  const one = await task(scripted(bash('sleep 300')));
  const host = new Host(one);
  await host.when('session:tool');
  const { manager } = await testManager({ stateDir: one.stateDir });
  await expect(manager.recover()).rejects.toMatchObject({ code: 'STATE_LOCKED' });
  await expect(manager.create({ prompt: 'x', cwd: await tempFolder() })).rejects.toMatchObject({
    code: 'STATE_LOCKED',
  });
  await host.kill();
  expect((await manager.recover()).adopted).toHaveLength(1);
});
