import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { AutonomousExecutor, type CreateSessionOptions, type UnifiedSession } from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import {
  changedImage,
  containersLeft,
  docker,
  endedGone,
  engine,
  figure,
  nextEvent,
  quick,
  stateFolder,
  tempFolder,
  testManager,
} from './support.js';

/** A session with these options; its end is provoked as soon as it has emitted a message. */
async function endOf(
  options: Partial<CreateSessionOptions>,
  provoke?: (id: string) => Promise<unknown>,
): Promise<UnifiedSession> {
  const { manager } = await testManager();
  const said = provoke && nextEvent(manager, ({ type }) => type === 'session:message');
  const { id } = await manager.create({ prompt: 'x', cwd: await tempFolder(), ...options });
  if (provoke) {
    await said;
    await provoke(id);
  }
  const ended = await manager.waitFor(id);
  await endedGone(manager);
  expect(await containersLeft([ended])).toEqual([]);
  expect(manager.queueStatus().running).toBe(0);
  return ended;
}

describe('a container that is ended from outside', () => {
  it('a session whose container is removed by docker rm -f fails with the reason lost', async () => {
    const removed = await endOf(quick('init; say hello; sleep 300'), (id) => docker('rm', '--force', `ao-${id}-1`));
    expect(removed).toMatchObject({ status: 'failed', result: { reason: 'lost' } });
    figure('docker rm -f', removed.result?.error ?? '');
  });

  it('a session whose container is killed by docker kill fails with the reason killed', async () => {
    const killed = await endOf(quick('init; say hello; sleep 300'), (id) => docker('kill', `ao-${id}-1`));
    expect(killed).toMatchObject({ status: 'failed', result: { reason: 'killed', exitCode: 137 } });
    figure('docker kill', killed.result?.error ?? '');
  });

  it('a session that exceeds its memory limit fails with the reason oom', async () => {
    // A shell variable that doubles. The shell itself is killed, not one of its children.
    const { docker: options } = quick('init; say hello; x=xxxxxxxx; while :; do x=$x$x; done');
    const { status, result } = await endOf({ docker: { ...options, memory: '64m' } });
    expect({ status, result }).toMatchObject({ status: 'failed', result: { reason: 'oom', exitCode: 137 } });
    figure('memory limit 64m', result?.error ?? '');
  });
});

it('a session that ignores SIGTERM is killed after the grace period when it is cancelled', async () => {
  const { manager } = await testManager();
  const said = nextEvent(manager, ({ type }) => type === 'session:message');
  const script = "trap '' TERM; init; say hello; while :; do sleep 1; done";
  const { id } = await manager.create({ ...quick(script), prompt: 'x', cwd: await tempFolder() });
  await said;
  const began = performance.now();
  const cancelled = await manager.cancel(id);
  expect(cancelled).toMatchObject({ status: 'cancelled', result: { exitCode: 137 }, runs: [{ exitCode: 137 }] });
  expect(await containersLeft([cancelled])).toEqual([]);
  figure('cancel of a session that ignores SIGTERM', `${Math.round(performance.now() - began)} ms, exit code 137`);
});

describe('exit codes 125 to 127', () => {
  it('exit code 126 of a command that cannot be executed is reported with its cause', async () => {
    const image = await changedImage('not-executable', 'ENTRYPOINT ["/etc/passwd"]');
    const { result } = await endOf({ docker: { image } });
    expect(result?.exitCode).toBe(126);
    expect(result?.error).toMatch(/exit code 126.*permission denied/i);
    figure('exit code 126', result?.error ?? '');
  });

  it('exit code 127 of a missing entrypoint or Claude Code is reported with its cause', async () => {
    const image = await changedImage('no-entrypoint', 'ENTRYPOINT ["/no/such/entrypoint"]');
    const { result } = await endOf({ docker: { image } });
    expect(result?.exitCode).toBe(127);
    expect(result?.error).toMatch(/exit code 127.*not found/);
    figure('exit code 127 of the init', result?.error ?? '');

    // The image has Claude Code at create() and lacks it at the launch: its tag is given to another image in between.
    const name = await changedImage('without-claude', 'LABEL without=claude');
    const bare = await launchedAfter(() => ['docker', 'tag', engine.bareImage, name], { image: name });
    expect(bare.result).toMatchObject({ exitCode: 127 });
    expect(bare.result?.error).toMatch(/exit code 127.*claude: not found/);
    figure('exit code 127 of the entrypoint', bare.result?.error ?? '');
  });

  it('exit code 125 of a mount whose source vanished is reported with its cause', async () => {
    const source = await tempFolder();
    const mounts = [{ source, target: '/data' }];
    const { result } = await launchedAfter(() => ['rm', '-r', source], { ...quick('init; result').docker, mounts });
    expect(result).toMatchObject({ reason: 'LAUNCH_FAILED', exitCode: 125 });
    expect(result?.error).toContain(source);
    figure('exit code 125', result?.error ?? '');
    await rm(source, { recursive: true, force: true });
  });

  it('exit codes 125 to 127 of the agent itself are reported as its own', async () => {
    for (const code of [125, 126, 127]) {
      const { result } = await endOf(quick(`init; result; exit ${code}`));
      expect(result).toMatchObject({ reason: 'error', exitCode: code, error: `It ended with exit code ${code}.` });
    }
  });
});

/** A session for which a command runs after all checks and before its `docker run`. */
async function launchedAfter(
  command: () => string[],
  options: Exclude<CreateSessionOptions['docker'], boolean>,
): Promise<UnifiedSession> {
  const stateDir = await stateFolder();
  const executor = new AutonomousExecutor({
    stateDir,
    spawn: (client, args, how) => {
      const first = command();
      const script = `shift_by=$1; shift; ${first.map((_, index) => `"$${index + 1}"`).join(' ')} >/dev/null || exit 99; shift "$shift_by"; exec "$@"`;
      return spawn('sh', ['-c', script, 'sh', String(first.length), ...first, client, ...args], how);
    },
  });
  const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });
  const { id } = await manager.create({ docker: options ?? {}, prompt: 'x', cwd: await tempFolder() });
  const ended = await manager.waitFor(id);
  expect(ended.status).toBe('failed');
  await endedGone(manager);
  expect(await containersLeft([ended])).toEqual([]);
  return ended;
}
